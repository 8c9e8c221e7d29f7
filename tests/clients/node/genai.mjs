// The unmodified @google/genai SDK against the gateway.
import {GoogleGenAI} from '@google/genai';

import {http, key, run} from './shared.mjs';

const client = (apiVersion) => new GoogleGenAI({apiKey: key, httpOptions: {baseUrl: http, apiVersion}});

const images = (response) =>
  response.candidates[0].content.parts.filter((part) => part.inlineData).map((part) => part.inlineData);

await run({
  // {model, contents, config, apiVersion} -> {images: [{mimeType, data}], ...}
  async generate({apiVersion, ...params}) {
    const response = await client(apiVersion).models.generateContent(params);
    return {
      images: images(response),
      text: response.text,
      finishReason: response.candidates[0].finishReason,
      modelVersion: response.modelVersion,
      usage: response.usageMetadata,
    };
  },

  // {model, config, messages} -> the images of each turn, and whether the last turn sent a signature back
  async chat({messages, ...params}) {
    const chat = client().chats.create(params);
    const turns = [];
    for (const message of messages) turns.push(images(await chat.sendMessage({message})));
    const sentBack = chat.getHistory().slice(0, -1).flatMap((content) => content.parts);
    return {turns, signatures: sentBack.filter((part) => part.thoughtSignature).length};
  },

  async models_list({apiVersion}) {
    const names = [];
    for await (const model of await client(apiVersion).models.list()) names.push(model.name);
    return names;
  },

  async models_get({apiVersion, ...params}) {
    return await client(apiVersion).models.get(params);
  },
});
