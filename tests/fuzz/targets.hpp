#ifndef BLUEPRINT_FAAS_TESTS_FUZZ_TARGETS_HPP
#define BLUEPRINT_FAAS_TESTS_FUZZ_TARGETS_HPP

#include "fuzz.hpp"

namespace blueprint::faas::fuzz {

void http_answer(Input input);           // what a server answers, read by the client
void http_request(Input input);          // what a client sends, read by the local cloud's server
void gzip(Input input);                  // a body that is gzip
void url(Input input);                   // addresses that users and platforms write
void text(Input input);                  // Base64, hexadecimal, percent-encoding
void proxy_answer(Input input);          // what a proxy says to CONNECT
void proxy_options(Input input);         // HTTPS_PROXY, NO_PROXY and a host
void json_bytes(Input input);            // documents with a big byte member
void zip(Input input);                   // packages
void elf(Input input);                   // binaries
void contract_answer(Input input);       // the custom contract, read by the client
void contract_call(Input input);         // the custom contract, read by the platform
void function_line(Input input);         // the custom contract, read by the function
void aws_config(Input input);            // config and credentials files of AWS
void doctl_config(Input input);          // config files of doctl, and of wsk
void google_file(Input input);           // credential files of Google, and what executables print
void xml(Input input);                   // answers of AWS's older services
void runtime_answer(Input input);        // what Lambda's runtime API answers, read by the function
void function_request(Input input);      // a call over HTTP, read by the function
void lambda_event(Input input);          // an event of Lambda, read by the function
void aws_report(Input input);            // the end of a Lambda function's log
void aws_event_stream(Input input);      // frames of an event stream, and a streamed call made of them
void lambda_answer(Input input);         // what Lambda answers to a call
void tar_gz(Input input);                // packages of Cloud Run
void google_answer(Input input);         // what Google's APIs answer
void google_call(Input input);           // what a service of Google's answers to a call
void azure_answer(Input input);          // what the management API and blob storage of Azure answer
void azure_call(Input input);            // what an app and its host answer
void azure_deployment(Input input);      // what the deployment service of an app answers
void azure_manifest(Input input);        // the manifest of an app's site
void azure_token(Input input);           // what gives tokens of Azure answers
void azure_tool(Input input);            // what the tools of developers print
void action_loop_line(Input input);      // a call of OpenWhisk's, read by the function
void openwhisk_action(Input input);      // what OpenWhisk answers about actions
void openwhisk_activation(Input input);  // what OpenWhisk answers to a call
void openwhisk_offer(Input input);       // what an OpenWhisk host says of itself
void jwt(Input input);                   // tokens that are read for their end

void digitalocean_answer(Input input);  // what DigitalOcean's own API answers

}  // namespace blueprint::faas::fuzz

#endif
