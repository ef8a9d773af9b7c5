#ifndef BLUEPRINT_FAAS_LOCAL_IMPL_GCP_SCHEMAS_HPP
#define BLUEPRINT_FAAS_LOCAL_IMPL_GCP_SCHEMAS_HPP

// The members of the messages that the local Google Cloud reads; see `GcpSchema`. Included by gcp_schema.ipp alone.

#include <string_view>

namespace blueprint::faas::local {

inline constexpr std::string_view gcp_run_messages = R"(
Service: name s, description s, -uid s, -generation l, labels {s}, annotations {s}, -createTime t, -updateTime t, -deleteTime t, -expireTime t, -creator s, -lastModifier s, client s, clientVersion s, ingress (INGRESS_TRAFFIC_UNSPECIFIED|INGRESS_TRAFFIC_ALL|INGRESS_TRAFFIC_INTERNAL_ONLY|INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER|INGRESS_TRAFFIC_NONE), launchStage (LAUNCH_STAGE_UNSPECIFIED|UNIMPLEMENTED|PRELAUNCH|EARLY_ACCESS|ALPHA|BETA|GA|DEPRECATED), binaryAuthorization BinaryAuthorization, template Template, traffic [Traffic], scaling Scaling, invokerIamDisabled b, defaultUriDisabled b, -urls [s], iapEnabled b, customAudiences [s], -observedGeneration l, -terminalCondition *, -conditions [*], -latestReadyRevision s, -latestCreatedRevision s, -trafficStatuses [*], -uri s, -satisfiesPzs b, -threatDetectionEnabled b, buildConfig BuildConfig, multiRegionSettings MultiRegion, -reconciling b, etag s
Template: revision s, labels {s}, annotations {s}, scaling RevisionScaling, vpcAccess VpcAccess, timeout d, serviceAccount s, containers [Container], volumes [Volume], executionEnvironment (EXECUTION_ENVIRONMENT_UNSPECIFIED|EXECUTION_ENVIRONMENT_GEN1|EXECUTION_ENVIRONMENT_GEN2), encryptionKey s, maxInstanceRequestConcurrency i, serviceMesh *, encryptionKeyRevocationAction s, encryptionKeyShutdownDuration d, sessionAffinity b, healthCheckDisabled b, nodeSelector NodeSelector, gpuZonalRedundancyDisabled b, client s, clientVersion s
Container: name s, image s, sourceCode SourceCode, command [s], args [s], env [EnvVar], resources Resources, ports [Port], volumeMounts [VolumeMount], workingDir s, livenessProbe Probe, startupProbe Probe, readinessProbe Probe, dependsOn [s], baseImageUri s, -buildInfo *
SourceCode: cloudStorageSource CloudStorageSource, inlinedSource InlinedSource
CloudStorageSource: bucket s, object s, generation l
InlinedSource: sources [SourceFile]
SourceFile: filename s, content s
EnvVar: name s, value s, valueSource EnvVarSource
EnvVarSource: secretKeyRef SecretKeySelector
SecretKeySelector: secret s, version s
Resources: limits {s}, cpuIdle b, startupCpuBoost b
Port: name s, containerPort i
VolumeMount: name s, mountPath s, subPath s
Volume: name s, secret *, cloudSqlInstance *, emptyDir *, nfs *, gcs *
Probe: initialDelaySeconds i, timeoutSeconds i, periodSeconds i, failureThreshold i, httpGet HttpGet, tcpSocket TcpSocket, grpc Grpc
HttpGet: path s, httpHeaders [HttpHeader], port i
HttpHeader: name s, value s
TcpSocket: port i
Grpc: port i, service s
Traffic: type (TRAFFIC_TARGET_ALLOCATION_TYPE_UNSPECIFIED|TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST|TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION), revision s, percent i, tag s
Scaling: minInstanceCount i, maxInstanceCount i, scalingMode (SCALING_MODE_UNSPECIFIED|AUTOMATIC|MANUAL), manualInstanceCount i
RevisionScaling: minInstanceCount i, maxInstanceCount i, concurrencyUtilization n, cpuUtilization n
BinaryAuthorization: useDefault b, policy s, breakglassJustification s
BuildConfig: -name s, sourceLocation s, functionTarget s, imageUri s, baseImage s, enableAutomaticUpdates b, workerPool s, environmentVariables {s}, serviceAccount s
MultiRegion: regions [s], multiRegionId s
VpcAccess: connector s, egress s, networkInterfaces [NetworkInterface]
NetworkInterface: network s, subnetwork s, tags [s]
NodeSelector: accelerator s
SetIamPolicyRequest: policy Policy, updateMask s
Policy: version i, bindings [Binding], auditConfigs [*], etag s
Binding: role s, members [s], condition Expr
Expr: expression s, title s, description s, location s
TestIamPermissionsRequest: permissions [s]
WaitOperationRequest: timeout d
)";

inline constexpr std::string_view gcp_functions_messages = R"(
Function: name s, description s, buildConfig BuildConfig, serviceConfig ServiceConfig, eventTrigger *, -state s, -updateTime t, -createTime t, labels {s}, -stateMessages [*], environment (ENVIRONMENT_UNSPECIFIED|GEN_1|GEN_2), -upgradeInfo *, -url s, kmsKeyName s, -satisfiesPzs b, -satisfiesPzi b
BuildConfig: automaticUpdatePolicy Empty, onDeployUpdatePolicy OnDeployUpdatePolicy, -build s, runtime s, entryPoint s, source Source, -sourceProvenance *, workerPool s, environmentVariables {s}, dockerRegistry (DOCKER_REGISTRY_UNSPECIFIED|CONTAINER_REGISTRY|ARTIFACT_REGISTRY), dockerRepository s, serviceAccount s, sourceToken s
Empty:
OnDeployUpdatePolicy: -runtimeVersion s
Source: storageSource StorageSource, repoSource *, gitUri s
StorageSource: bucket s, object s, generation l, sourceUploadUrl s
ServiceConfig: -service s, timeoutSeconds i, availableMemory s, availableCpu s, environmentVariables {s}, directVpcNetworkInterface [*], directVpcEgress s, maxInstanceCount i, minInstanceCount i, vpcConnector s, vpcConnectorEgressSettings (VPC_CONNECTOR_EGRESS_SETTINGS_UNSPECIFIED|PRIVATE_RANGES_ONLY|ALL_TRAFFIC), ingressSettings (INGRESS_SETTINGS_UNSPECIFIED|ALLOW_ALL|ALLOW_INTERNAL_ONLY|ALLOW_INTERNAL_AND_GCLB), -uri s, serviceAccountEmail s, allTrafficOnLatestRevision b, secretEnvironmentVariables [SecretEnvVar], secretVolumes [SecretVolume], -revision s, maxInstanceRequestConcurrency i, securityLevel (SECURITY_LEVEL_UNSPECIFIED|SECURE_ALWAYS|SECURE_OPTIONAL), binaryAuthorizationPolicy s
SecretEnvVar: key s, projectId s, secret s, version s
SecretVolume: mountPath s, projectId s, secret s, versions [SecretVersion]
SecretVersion: version s, path s
GenerateUploadUrlRequest: kmsKeyName s, environment (ENVIRONMENT_UNSPECIFIED|GEN_1|GEN_2)
)";

}  // namespace blueprint::faas::local

#endif
