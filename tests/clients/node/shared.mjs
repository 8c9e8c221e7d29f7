// Runs one scenario: `node PROGRAM.mjs SCENARIO < arguments.json`.
//
// Prints {"result": ...}, or {"error": ...} with what an application can read from the exception.
// ROUTERHUB_HTTP, ROUTERHUB_GRPC and ROUTERHUB_KEY say where the gateway is and who calls.
import {readFileSync} from 'node:fs';

export const {ROUTERHUB_HTTP: http, ROUTERHUB_GRPC: grpcTarget, ROUTERHUB_KEY: key} = process.env;
if (!key || !http || !grpcTarget) {
  console.error('Set ROUTERHUB_HTTP, ROUTERHUB_GRPC and ROUTERHUB_KEY.');
  process.exit(2);
}

export async function run(scenarios) {
  const scenario = scenarios[process.argv[2]];
  if (!scenario) {
    console.error(`Give a scenario: ${Object.keys(scenarios).join(', ')}.`);
    process.exit(2);
  }
  try {
    print({result: await scenario(JSON.parse(readFileSync(0, 'utf8') || '{}'))});
  } catch (error) {
    print({error: readable(error)});
  }
}

function readable({constructor, message, status, code, param, type, requestID, details}) {
  return {name: constructor.name, message, status, code, param, type, requestID, details};
}

function print(value) {
  process.stdout.write(JSON.stringify(value));
}
