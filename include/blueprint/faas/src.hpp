#ifndef BLUEPRINT_FAAS_SRC_HPP
#define BLUEPRINT_FAAS_SRC_HPP

// The library's one optional translation unit: include this in exactly one .cpp file of a program and define
// BLUEPRINT_FAAS_SEPARATE_COMPILATION for all its files. Then no other file compiles TLS, HTTP or zip code.
// Boost.JSON is compiled here too, unless the program links boost_json and defines BLUEPRINT_FAAS_LINK_BOOST_JSON.
#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#error "define BLUEPRINT_FAAS_SEPARATE_COMPILATION for every file of the program, then include src.hpp in one of them"
#endif

#if !defined(BLUEPRINT_FAAS_LINK_BOOST_JSON)
#include <boost/json/src.hpp>
#endif
#if defined(BOOST_ASIO_SEPARATE_COMPILATION)
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
#endif
#if defined(BOOST_BEAST_SEPARATE_COMPILATION)
#include <boost/beast/src.hpp>
#endif

#include "blueprint/faas/auth/aws/impl/chain.ipp"
#include "blueprint/faas/auth/aws/impl/config_file.ipp"
#include "blueprint/faas/auth/aws/impl/container.ipp"
#include "blueprint/faas/auth/aws/impl/credential_process.ipp"
#include "blueprint/faas/auth/aws/impl/default_chain.ipp"
#include "blueprint/faas/auth/aws/impl/environment.ipp"
#include "blueprint/faas/auth/aws/impl/instance_metadata.ipp"
#include "blueprint/faas/auth/aws/impl/profile.ipp"
#include "blueprint/faas/auth/aws/impl/settings.ipp"
#include "blueprint/faas/auth/aws/impl/sso.ipp"
#include "blueprint/faas/auth/aws/impl/sts.ipp"
#include "blueprint/faas/auth/aws/impl/web_identity.ipp"
#include "blueprint/faas/auth/gcp/impl/authorized_user.ipp"
#include "blueprint/faas/auth/gcp/impl/chain.ipp"
#include "blueprint/faas/auth/gcp/impl/credential_file.ipp"
#include "blueprint/faas/auth/gcp/impl/external_account.ipp"
#include "blueprint/faas/auth/gcp/impl/external_account_user.ipp"
#include "blueprint/faas/auth/gcp/impl/impersonated.ipp"
#include "blueprint/faas/auth/gcp/impl/metadata_server.ipp"
#include "blueprint/faas/auth/gcp/impl/service_account.ipp"
#include "blueprint/faas/auth/gcp/impl/settings.ipp"
#include "blueprint/faas/auth/gcp/impl/subject_token.ipp"
#include "blueprint/faas/auth/impl/jwt.ipp"
#include "blueprint/faas/auth/impl/oauth2.ipp"
#include "blueprint/faas/auth/impl/sigv4.ipp"
#include "blueprint/faas/auth/impl/sigv4_signing.ipp"
#include "blueprint/faas/auth/impl/sigv4_stages.ipp"
#include "blueprint/faas/codec/impl/aws_event_stream.ipp"
#include "blueprint/faas/codec/impl/aws_lambda_answers.ipp"
#include "blueprint/faas/codec/impl/aws_lambda_calls.ipp"
#include "blueprint/faas/codec/impl/aws_lambda_control.ipp"
#include "blueprint/faas/codec/impl/aws_lambda_protocol.ipp"
#include "blueprint/faas/codec/impl/aws_lambda_stream.ipp"
#include "blueprint/faas/codec/impl/aws_lambda_wanted.ipp"
#include "blueprint/faas/codec/impl/aws_report.ipp"
#include "blueprint/faas/codec/impl/aws_storage.ipp"
#include "blueprint/faas/codec/impl/custom_announced.ipp"
#include "blueprint/faas/codec/impl/custom_protocol.ipp"
#include "blueprint/faas/detail/impl/append_file.ipp"
#include "blueprint/faas/detail/impl/child_command.ipp"
#include "blueprint/faas/detail/impl/crc32.ipp"
#include "blueprint/faas/detail/impl/encoding.ipp"
#include "blueprint/faas/detail/impl/error_result.ipp"
#include "blueprint/faas/detail/impl/file_body.ipp"
#include "blueprint/faas/detail/impl/hash.ipp"
#include "blueprint/faas/detail/impl/hmac.ipp"
#include "blueprint/faas/detail/impl/json_bytes.ipp"
#include "blueprint/faas/detail/impl/replace_file.ipp"
#include "blueprint/faas/detail/impl/run_all.ipp"
#include "blueprint/faas/detail/impl/run_blocking.ipp"
#include "blueprint/faas/detail/impl/single_flight.ipp"
#include "blueprint/faas/detail/impl/wait.ipp"
#include "blueprint/faas/detail/impl/xml.ipp"
#include "blueprint/faas/map/impl/core.ipp"
#include "blueprint/faas/map/impl/options.ipp"
#include "blueprint/faas/map/impl/resume_file.ipp"
#include "blueprint/faas/package/impl/cloud_run_archive.ipp"
#include "blueprint/faas/package/impl/elf.ipp"
#include "blueprint/faas/package/impl/glibc.ipp"
#include "blueprint/faas/package/impl/node_shim.ipp"
#include "blueprint/faas/package/impl/package.ipp"
#include "blueprint/faas/package/impl/tar_read.ipp"
#include "blueprint/faas/package/impl/tar_write.ipp"
#include "blueprint/faas/package/impl/zip_extract.ipp"
#include "blueprint/faas/package/impl/zip_read.ipp"
#include "blueprint/faas/package/impl/zip_write.ipp"
#include "blueprint/faas/provider/impl/aws.ipp"
#include "blueprint/faas/provider/impl/custom.ipp"
#include "blueprint/faas/resilience/impl/failover.ipp"
#include "blueprint/faas/resilience/impl/gate.ipp"
#include "blueprint/faas/resilience/impl/hedging.ipp"
#include "blueprint/faas/resilience/impl/limited.ipp"
#include "blueprint/faas/resilience/impl/standard.ipp"
#include "blueprint/faas/runner/impl/core.ipp"
#include "blueprint/faas/runner/impl/core_calls.ipp"
#include "blueprint/faas/runner/impl/dead_letters.ipp"
#include "blueprint/faas/runner/impl/json_lines.ipp"
#include "blueprint/faas/runner/impl/local_executor.ipp"
#include "blueprint/faas/runner/impl/metrics_page.ipp"
#include "blueprint/faas/runner/impl/prometheus.ipp"
#include "blueprint/faas/runner/impl/router.ipp"
#include "blueprint/faas/runner/impl/statistics.ipp"
#include "blueprint/faas/serve/impl/exec.ipp"
#include "blueprint/faas/serve/impl/lambda_messages.ipp"
#include "blueprint/faas/serve/impl/lambda_runtime.ipp"
#include "blueprint/faas/serve/impl/runtime_client.ipp"
#include "blueprint/faas/serve/impl/stdio.ipp"
#include "blueprint/faas/transport/impl/http_client.ipp"
#include "blueprint/faas/transport/impl/proxy.ipp"

#endif
