// Sends the calls of a plan with one stock SDK, as an application would, and ends when all of them
// have been delivered.
//
//   node client.js SDK URL KEY PLAN     SDK: segment, segment-2, rudder or analytics-node
//
// A plan is a JSON list of [method, message]. Ends with 1 when the SDK says that it gave a call up.
const fs = require('fs');

const [sdk, url, key, planFile] = process.argv.slice(2);
const plan = JSON.parse(fs.readFileSync(planFile, 'utf8'));
let failures = 0;

function failed(error) {
  failures += 1;
  console.error(`${sdk}: ${error && error.message ? error.message : error}`);
}

async function withSegment(name) {
  const { Analytics } = require(name);
  const analytics = new Analytics({ writeKey: key, host: url, flushAt: 7, flushInterval: 50 });
  analytics.on('error', failed);
  for (const [method, message] of plan) {
    analytics[method](message, (error) => error && failed(error));
  }
  await analytics.closeAndFlush({ timeout: 90000 });
}

// Both keep a queue, and give out what is left of it when they are asked to flush.
async function withQueue(analytics) {
  const delivered = plan.map(([method, message]) => new Promise((resolve) => {
    analytics[method](message, (error) => {
      if (error) failed(error);
      resolve();
    });
  }));
  while (analytics.queue.length > 0) {
    await Promise.resolve(analytics.flush()).catch(() => {});
  }
  await Promise.all(delivered);
}

async function main() {
  const options = { flushAt: 6, flushInterval: 50, errorHandler: () => {} };
  switch (sdk) {
    case 'segment': return withSegment('@segment/analytics-node');
    case 'segment-2': return withSegment('segment-analytics-node-2');
    case 'rudder': {
      const Rudder = require('@rudderstack/rudder-sdk-node');
      const Client = Rudder.default || Rudder;
      return withQueue(new Client(key, { dataPlaneUrl: url, ...options }));
    }
    case 'analytics-node': {
      const Client = require('analytics-node');
      return withQueue(new Client(key, { host: url, ...options }));
    }
    default: throw new Error(`no SDK ${sdk}`);
  }
}

main().then(() => process.exit(failures === 0 ? 0 : 1), (error) => {
  failed(error);
  process.exit(1);
});
