# With jq, as OpenAI's guide has it.
curl -s -X POST "http://127.0.0.1:8080/v1/images/generations" \
  -H "Authorization: Bearer $ROUTERHUB_API_KEY" \
  -H "Content-type: application/json" \
  -d '{
    "model": "gpt-image-1",
    "prompt": "A lighthouse at dusk, in watercolours",
    "size": "1536x1024"
  }' \
  | jq -r '.data[0].b64_json' | base64 --decode > lighthouse.png
