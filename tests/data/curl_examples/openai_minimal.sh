# The least: a model and a prompt.
curl -s http://127.0.0.1:8080/v1/images/generations \
  -H "Authorization: Bearer $ROUTERHUB_API_KEY" \
  -H "Content-Type: application/json" \
  -d '{"model": "openai/gpt-image-1.5", "prompt": "A lighthouse at dusk, in watercolours"}' \
  | grep -o '"b64_json": *"[^"]*' | cut -d'"' -f4 | base64 -d > lighthouse.png
