// Makes the calls that standard input lists with Pipedrive's own client, and prints what each brings, as JSON.
// node drive_pipedrive.cjs FOLDER_WITH_NODE_MODULES < calls
const { createRequire } = require("node:module");
const load = createRequire(`${process.argv[2]}/`);

async function main(text) {
  const { address, token, calls } = JSON.parse(text);
  const answers = [];
  for (const { version, api, method, given } of calls) {
    const client = load(`pipedrive/${version}`);
    const configuration = new client.Configuration({ apiKey: token, basePath: `${address}/api/${version}` });
    try {
      answers.push({ answer: await new client[api](configuration)[method](given) });
    } catch (refusal) {
      answers.push({ refusal: refusal instanceof Error ? String(refusal) : refusal });
    }
  }
  console.log(JSON.stringify(answers));
}

let text = "";
process.stdin.on("data", (part) => (text += part)).on("end", () => main(text));
