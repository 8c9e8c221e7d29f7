# Text to image; the vendor's prefix before the model, the key as a bearer token.
curl -s http://127.0.0.1:8080/v1beta/models/google/gemini-2.5-flash-image:generateContent \
  -H "Authorization: Bearer $ROUTERHUB_API_KEY" \
  -H "Content-Type: application/json" \
  -d '{"contents": [{"role": "user", "parts": [{"text": "A lighthouse at dusk, in watercolours"}]}]}' \
  | grep -o '"data": *"[^"]*' | cut -d'"' -f4 | base64 -d > lighthouse.png
