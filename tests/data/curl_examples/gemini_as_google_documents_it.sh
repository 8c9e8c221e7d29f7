# Google's way of writing it: no prefix, the key in Google's own header, and a space after the colon.
curl -s -X POST \
  "http://127.0.0.1:8080/v1beta/models/gemini-2.5-flash-image:generateContent" \
  -H "x-goog-api-key: $ROUTERHUB_API_KEY" \
  -H "Content-Type: application/json" \
  -d '{
    "contents": [{
      "parts": [
        {"text": "A lighthouse at dusk, in watercolours"}
      ]
    }]
  }' \
  | grep -o '"data": "[^"]*"' \
  | cut -d'"' -f4 \
  | base64 --decode > lighthouse.png
