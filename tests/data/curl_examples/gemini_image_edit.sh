# Image edit: the picture goes along in the request.
curl -s http://127.0.0.1:8080/v1beta/models/google/gemini-2.5-flash-image:generateContent \
  -H "Authorization: Bearer $ROUTERHUB_API_KEY" \
  -H "Content-Type: application/json" \
  -d '{
    "contents": [{
      "role": "user",
      "parts": [
        {"text": "Put this on a shelf"},
        {"inlineData": {"mimeType": "image/png", "data": "'"$(base64 -w0 red.png)"'"}}
      ]
    }]
  }' \
  | grep -o '"data": *"[^"]*' | cut -d'"' -f4 | base64 -d > edited.png
