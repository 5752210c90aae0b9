// With --require: the HTTP server waits a tenth of the time for its clients. The limits themselves
// are tested in server.test.ts.
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
