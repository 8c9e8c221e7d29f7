// The unmodified openai SDK against the gateway.
import OpenAI from 'openai';

import {http, key, run} from './shared.mjs';

// The SDK would try again after a 429 or 5xx; what is shown here is each first answer.
const client = new OpenAI({apiKey: key, baseURL: `${http}/v1`, maxRetries: 0});

await run({
  // The parameters of images.generate -> its reply
  generate: (params) => client.images.generate(params),

  async models_list() {
    const ids = [];
    for await (const model of client.models.list()) ids.push(model.id);
    return ids;
  },

  models_retrieve: ({model}) => client.models.retrieve(model),
});
