#ifndef BLUEPRINT_FAAS_LOCAL_SRC_HPP
#define BLUEPRINT_FAAS_LOCAL_SRC_HPP

// The local cloud's one optional translation unit: include this in exactly one .cpp file of a program that embeds the
// local cloud and defines BLUEPRINT_FAAS_SEPARATE_COMPILATION for all its files. It may be the file that includes
// blueprint/faas/src.hpp, or another one.
#if !defined(BLUEPRINT_FAAS_SEPARATE_COMPILATION)
#error \
    "define BLUEPRINT_FAAS_SEPARATE_COMPILATION for every file of the program, then include local/src.hpp in one of them"
#endif

#include "blueprint/faas/local/impl/aws_gate.ipp"
#include "blueprint/faas/local/impl/aws_lambda.ipp"
#include "blueprint/faas/local/impl/aws_lambda_capacity.ipp"
#include "blueprint/faas/local/impl/aws_lambda_details.ipp"
#include "blueprint/faas/local/impl/aws_lambda_functions.ipp"
#include "blueprint/faas/local/impl/aws_lambda_instance.ipp"
#include "blueprint/faas/local/impl/aws_lambda_invoke.ipp"
#include "blueprint/faas/local/impl/aws_lambda_messages.ipp"
#include "blueprint/faas/local/impl/aws_lambda_pool.ipp"
#include "blueprint/faas/local/impl/aws_lambda_report.ipp"
#include "blueprint/faas/local/impl/aws_lambda_settings.ipp"
#include "blueprint/faas/local/impl/aws_lambda_versions.ipp"
#include "blueprint/faas/local/impl/aws_metadata.ipp"
#include "blueprint/faas/local/impl/aws_platform.ipp"
#include "blueprint/faas/local/impl/aws_sessions.ipp"
#include "blueprint/faas/local/impl/aws_storage.ipp"
#include "blueprint/faas/local/impl/aws_sts.ipp"
#include "blueprint/faas/local/impl/certificates.ipp"
#include "blueprint/faas/local/impl/cloud.ipp"
#include "blueprint/faas/local/impl/credentials.ipp"
#include "blueprint/faas/local/impl/custom_invoke.ipp"
#include "blueprint/faas/local/impl/custom_messages.ipp"
#include "blueprint/faas/local/impl/custom_platform.ipp"
#include "blueprint/faas/local/impl/deployment.ipp"
#include "blueprint/faas/local/impl/http_server.ipp"
#include "blueprint/faas/local/impl/idempotency.ipp"
#include "blueprint/faas/local/impl/invoke_messages.ipp"
#include "blueprint/faas/local/impl/loop_instances.ipp"
#include "blueprint/faas/local/impl/options.ipp"
#include "blueprint/faas/local/impl/package_store.ipp"
#include "blueprint/faas/local/impl/process.ipp"
#include "blueprint/faas/local/impl/process_call.ipp"
#include "blueprint/faas/local/impl/process_descendants.ipp"
#include "blueprint/faas/local/impl/process_start.ipp"
#include "blueprint/faas/local/impl/process_watch.ipp"
#include "blueprint/faas/local/impl/server_stream.ipp"

#endif
