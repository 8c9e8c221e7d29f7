// The typed service through @grpc/grpc-js, with the protos loaded at run time.
//
// PROTO_PATH lists the folders that hold the gateway's and Google's .proto files, separated by colons.
import {credentials, loadPackageDefinition, Metadata} from '@grpc/grpc-js';
import {loadSync} from '@grpc/proto-loader';

import {grpcTarget, key, run} from './shared.mjs';

const MAX_REPLY_BYTES = 64 << 20; // grpc-js refuses replies over 4 MiB unless told otherwise

const definition = loadSync(
  [
    'routerhub/images/v1/image_generation_service.proto',
    'google/rpc/status.proto',
    'google/rpc/error_details.proto',
  ],
  {includeDirs: process.env.PROTO_PATH.split(':'), keepCase: true, enums: String, longs: Number, oneofs: true},
);
const {ImageGenerationService} = loadPackageDefinition(definition).routerhub.images.v1;
const service = new ImageGenerationService(grpcTarget, credentials.createInsecure(), {
  'grpc.max_receive_message_length': MAX_REPLY_BYTES,
});

function call(method, request, seconds) {
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${key}`);
  const deadline = Date.now() + seconds * 1000;
  return new Promise((resolve, reject) => {
    service[method](request, metadata, {deadline}, (error, reply) => {
      if (!error) return resolve(reply);
      error.details = details(error.metadata);
      reject(error);
    });
  });
}

// [{"@type": "google.rpc.ErrorInfo", reason, domain, metadata}, ...]
function details(metadata) {
  const [encoded] = metadata.get('grpc-status-details-bin');
  if (!encoded) return [];
  return definition['google.rpc.Status'].deserialize(encoded).details.map(({type_url, value}) => {
    const type = type_url.split('/').pop();
    return {'@type': type, ...definition[type].deserialize(value)};
  });
}

await run({
  // {request, seconds} -> the images as base64
  async GenerateContent({request, seconds = 60}) {
    const reply = await call('GenerateContent', request, seconds);
    const parts = reply.candidates[0].content.parts.filter((part) => part.inline_data);
    return parts.map((part) => part.inline_data.data.toString('base64'));
  },

  async GenerateImages({request, seconds = 60}) {
    const reply = await call('GenerateImages', request, seconds);
    return reply.data.map((image) => image.b64_json.toString('base64'));
  },
});
service.close();
