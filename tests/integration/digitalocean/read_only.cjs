// Makes the folder of an action one in which no permission can be changed: node --require ./read_only.cjs PROGRAM
'use strict';
const fs = require('node:fs');

const { chmodSync } = fs;
fs.chmodSync = (file, mode) => {
  if (String(file).endsWith('/function/bootstrap'))
    throw Object.assign(new Error(`EROFS: read-only file system, chmod '${file}'`), { code: 'EROFS' });
  return chmodSync(file, mode);
};
