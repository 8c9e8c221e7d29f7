# The same in snake_case, which Google accepts as well, with the body from a file: pictures outgrow arguments.
cat > request.json << REQUEST
{
  "contents": [{"parts": [
    {"text": "Put this on a shelf"},
    {"inline_data": {"mime_type": "image/png", "data": "$(base64 -w0 red.png)"}}
  ]}],
  "generation_config": {"response_modalities": ["IMAGE"]}
}
REQUEST
curl -s http://127.0.0.1:8080/v1/models/gemini-3-pro-image-preview:generateContent \
  -H "x-goog-api-key: $ROUTERHUB_API_KEY" \
  -H "Content-Type: application/json" \
  -d @request.json \
  | grep -o '"data": *"[^"]*' | cut -d'"' -f4 | base64 -d > edited.png
