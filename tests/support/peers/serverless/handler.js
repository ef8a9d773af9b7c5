// Functions that answer as a job of this library does: {"job_id":0,"result":[...]}.
const bytes = (args) => (typeof args === 'string' ? Buffer.from(args, 'base64') : Buffer.from(args));
const answer = (event, result) => ({ job_id: event.job_id, result: [...Buffer.from(result)], success: true });

exports.square = async (event) => answer(event, [bytes(event.args)[0] ** 2]);
exports.fails = async () => {
  throw new TypeError('there is no answer');
};
exports.context = async (event, context) => answer(event, JSON.stringify(context.clientContext));
exports.slow = async (event) => {
  await new Promise((resolve) => setTimeout(resolve, 5000));
  return answer(event, []);
};
