// Loaded with --require: divide the HTTP server's limits of time by ten. server.test.ts tests the
// real limits.
const http = require('node:http');

const { createServer } = http;
http.createServer = (options, listener) =>
  createServer(
    {
      ...options,
      headersTimeout: options.headersTimeout / 10,
      requestTimeout: options.requestTimeout / 10,
      connectionsCheckingInterval: options.connectionsCheckingInterval / 10,
    },
    listener,
  );
