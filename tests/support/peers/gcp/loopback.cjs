// Keeps a server on loopback that would listen on every interface: node --require ./loopback.cjs SERVER
'use strict';
const net = require('node:net');

const { listen } = net.Server.prototype;
net.Server.prototype.listen = function (port, ...rest) {
  const loopback = /^\d+$/.test(String(port)) ? ['127.0.0.1'] : [];
  return listen.call(this, port, ...loopback, ...rest);
};
