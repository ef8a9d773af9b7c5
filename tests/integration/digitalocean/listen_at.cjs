// Lets a server that listens on a port of its own, on every interface, listen on LISTEN_AT of loopback:
// node --require ./listen_at.cjs SERVER
'use strict';
const net = require('node:net');

const { listen } = net.Server.prototype;
net.Server.prototype.listen = function (port, ...rest) {
  const callbacks = rest.filter((one) => typeof one === 'function');
  return listen.call(this, Number(process.env.LISTEN_AT), '127.0.0.1', ...callbacks);
};
