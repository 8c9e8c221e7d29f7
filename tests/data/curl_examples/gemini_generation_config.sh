# Every setting that an image model takes.
curl -s http://127.0.0.1:8080/v1beta/models/google/gemini-3-pro-image-preview:generateContent \
  -H "Authorization: Bearer $ROUTERHUB_API_KEY" \
  -H "Content-Type: application/json" \
  -d '{
    "contents": [{"role": "user", "parts": [{"text": "A lighthouse at dusk, in watercolours"}]}],
    "systemInstruction": {"parts": [{"text": "You paint without people."}]},
    "generationConfig": {
      "responseModalities": ["TEXT", "IMAGE"],
      "imageConfig": {"aspectRatio": "16:9", "imageSize": "2K"},
      "temperature": 0.7,
      "topP": 0.95,
      "topK": 40,
      "candidateCount": 1,
      "maxOutputTokens": 8192,
      "stopSequences": ["END"],
      "seed": 42
    },
    "safetySettings": [
      {"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_ONLY_HIGH"}
    ]
  }' \
  | grep -o '"data": *"[^"]*' | cut -d'"' -f4 | base64 -d > lighthouse.png
