// Takes deliveries and verifies each with the packages standardwebhooks and svix, under every
// secret given. Writes one line of JSON a delivery: which secrets each package accepts, and whether
// it accepts a body with one byte changed.
//
//   node webhooks.js whsec_... [whsec_...]      prints {"port": N} first
'use strict';
const http = require('http');
const packages = {
  standardwebhooks: require('standardwebhooks').Webhook,
  svix: require('svix').Webhook,
};
const secrets = process.argv.slice(2);

function accepts(name, secret, body, headers) {
  try {
    new packages[name](secret).verify(body, headers);
    return true;
  } catch (error) {
    return false;
  }
}

function verdict(body, headers) {
  const changed = Buffer.from(body);
  changed[changed.length - 3] ^= 1;
  const result = {id: headers['webhook-id']};
  for (const name of Object.keys(packages)) {
    result[name] = secrets.map((secret) => accepts(name, secret, body, headers));
    result[`${name} changed`] = secrets.some((secret) => accepts(name, secret, changed, headers));
  }
  return result;
}

const server = http.createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    console.log(JSON.stringify(verdict(Buffer.concat(parts), request.headers)));
    response.writeHead(200);
    response.end();
  });
});
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({port: server.address().port})));
