# Two at once, without a background, with the vendor's prefix left out; each image into a file of its own.
curl -s http://127.0.0.1:8080/v1/images/generations \
  -H "Authorization: Bearer $ROUTERHUB_API_KEY" \
  -H "Content-Type: application/json" \
  -d '{
    "model": "gpt-image-2",
    "prompt": "A lighthouse at dusk, in watercolours",
    "size": "1024x1536",
    "quality": "low",
    "output_compression": 50,
    "output_format": "webp",
    "n": 2,
    "background": "transparent",
    "moderation": "auto",
    "user": "user-1234"
  }' \
  | grep -o '"b64_json": *"[^"]*' | cut -d'"' -f4 \
  | while read -r image; do number=$((number + 1)); base64 -d <<< "$image" > lighthouse-$number.webp; done
