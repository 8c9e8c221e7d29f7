# Every option of gpt-image-2.
curl -s http://127.0.0.1:8080/v1/images/generations \
  -H "Authorization: Bearer $ROUTERHUB_API_KEY" \
  -H "Content-Type: application/json" \
  -d '{
    "model": "openai/gpt-image-2",
    "prompt": "A lighthouse at dusk, in watercolours",
    "size": "1536x864",
    "quality": "high",
    "output_compression": 80,
    "output_format": "jpeg",
    "n": 1,
    "background": "opaque",
    "moderation": "low",
    "user": "user-1234"
  }' \
  | grep -o '"b64_json": *"[^"]*' | cut -d'"' -f4 | base64 -d > lighthouse.jpeg
