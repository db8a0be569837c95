// Drives the official Node SDK as told on standard input. What is told and answered is described in ../drive.py;
// there are no classes here, so `class` and `odd` are missing.
"use strict";

const Stripe = require("stripe");

const WAIT_MS = 10_000;
const MOST = 200;

class Job {
  constructor({ api, key, retries, steps }) {
    const { hostname: host, port, protocol } = new URL(api);
    this.client = new Stripe(key, { host, port, protocol: protocol.slice(0, -1), maxNetworkRetries: retries });
    this.steps = steps;
    this.saved = {};
  }

  async run() {
    const records = [];
    for (const step of this.steps) records.push(await this.step(step));
    return records;
  }

  async step(step) {
    const record = { name: step.name };
    if (step.together) return { ...record, together: await Promise.all(step.together.map((each) => this.step(each))) };
    try {
      if (step.pages) return { ...record, value: await this.pages(step) };
      const result = await this.result(step);
      if (step.save) this.saved[step.save] = result;
      return { ...record, value: plain(result) };
    } catch (error) {
      if (!(error instanceof Stripe.errors.StripeError)) throw error;
      return { ...record, error: errorOf(error) };
    }
  }

  async result(step) {
    if (step.raw) return this.client.rawRequest(...this.resolved(step.raw));
    if (step.related) return this.saved[step.related].fetchRelatedObject();
    return this.called(step.call, step);
  }

  async pages(step) {
    const until = Date.now() + WAIT_MS;
    for (;;) {
      const seen = [];
      for await (const item of this.called(step.pages, step)) {
        seen.push({ value: plain(item) });
        if (seen.length > MOST) throw new Error(`the walk does not end: ${step.name}`);
        for (const each of step.meanwhile?.[seen.length] ?? []) {
          const record = await this.step(each);
          if (record.error) throw new Error(JSON.stringify(record));
        }
      }
      if (seen.length >= (step.at_least ?? 0) || Date.now() > until) return seen;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  called(call, step) {
    const args = this.resolved(step.arguments);
    if (step.options) {
      const last = args.at(-1);
      if (typeof last !== "object") args.push({});
      args.push(camel(this.resolved(step.options)));
    }
    const names = call.node.split(".");
    const name = names.pop();
    const service = names.reduce((parent, each) => parent[each], this.client);
    return service[name](...args);
  }

  resolved(node) {
    if (Array.isArray(node)) return node.map((each) => this.resolved(each));
    if (node !== null && typeof node === "object") {
      if (node.$file) {
        const { name, type, base64 } = node.$file;
        return { name, type, data: Buffer.from(base64, "base64") };
      }
      return Object.fromEntries(Object.entries(node).map(([name, value]) => [name, this.resolved(value)]));
    }
    if (typeof node === "string" && node.includes("$")) {
      return node.split("/").map((part) => (part.startsWith("$") ? this.reference(part) : part)).join("/");
    }
    return node;
  }

  reference(text) {
    const [name, ...path] = text.slice(1).split(".");
    return path.reduce((value, part) => value[part], this.saved[name]);
  }
}

function plain(value) {
  return JSON.parse(JSON.stringify(value));
}

function camel(options) {
  return Object.fromEntries(
    Object.entries(options).map(([name, value]) => [name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase()), value]),
  );
}

function errorOf(error) {
  const name = error.constructor.name;
  return {
    class: name === "StripeError" ? name : name.replace(/^Stripe/, ""),
    status: error.statusCode ?? null,
    code: error.code ?? null,
    param: error.param ?? null,
    message: error.raw?.message ?? null,
  };
}

async function main() {
  const parts = [];
  for await (const part of process.stdin) parts.push(part);
  const { jobs } = JSON.parse(Buffer.concat(parts).toString());
  const records = await Promise.all(jobs.map((job) => new Job(job).run()));
  // The SDK leaves the 80 s timer of a request that was cut off behind: nobody waits for it here.
  process.stdout.write(JSON.stringify(records), () => process.exit());
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exitCode = 1;
});
