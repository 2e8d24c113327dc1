""" Contains all the data models used in inputs/outputs """

from .alert_channel import AlertChannel
from .alert_rule import AlertRule
from .alert_rule_field import AlertRuleField
from .alert_rule_ordering import AlertRuleOrdering
from .alert_rule_request import AlertRuleRequest
from .batch_answer import BatchAnswer
from .batch_outcome import BatchOutcome
from .batch_outcome_outcome_enum import BatchOutcomeOutcomeEnum
from .batch_request import BatchRequest
from .batched_run_request import BatchedRunRequest
from .batched_run_request_payload_type_0 import BatchedRunRequestPayloadType0
from .bucket_width import BucketWidth
from .changes_since_yesterday_report import ChangesSinceYesterdayReport
from .changes_since_yesterday_row import ChangesSinceYesterdayRow
from .client import Client
from .client_field import ClientField
from .client_ordering import ClientOrdering
from .client_request import ClientRequest
from .client_risk_report import ClientRiskReport
from .client_risk_row import ClientRiskRow
from .client_summary import ClientSummary
from .client_throughput_report import ClientThroughputReport
from .client_throughput_row import ClientThroughputRow
from .column_type import ColumnType
from .daily_success_report import DailySuccessReport
from .daily_success_row import DailySuccessRow
from .environment import Environment
from .error import Error
from .error_code import ErrorCode
from .error_code_name import ErrorCodeName
from .error_error import ErrorError
from .error_error_details_item import ErrorErrorDetailsItem
from .error_index import ErrorIndex
from .failing_now_report import FailingNowReport
from .failing_now_row import FailingNowRow
from .failure_counts_by_client_report import FailureCountsByClientReport
from .failure_counts_by_client_row import FailureCountsByClientRow
from .failure_rate_by_platform_report import FailureRateByPlatformReport
from .failure_rate_by_platform_row import FailureRateByPlatformRow
from .failure_streaks_report import FailureStreaksReport
from .failure_streaks_row import FailureStreaksRow
from .failures_over_time_report import FailuresOverTimeReport
from .failures_over_time_row import FailuresOverTimeRow
from .firing_rule import FiringRule
from .flaky_ordering import FlakyOrdering
from .freshness_watchlist_report import FreshnessWatchlistReport
from .freshness_watchlist_row import FreshnessWatchlistRow
from .governance_gaps_report import GovernanceGapsReport
from .governance_gaps_row import GovernanceGapsRow
from .handover import Handover
from .handover_changes_item import HandoverChangesItem
from .handover_failing_item import HandoverFailingItem
from .handover_incidents_item import HandoverIncidentsItem
from .handover_late_item import HandoverLateItem
from .handover_recovered_item import HandoverRecoveredItem
from .handover_sources_dark_item import HandoverSourcesDarkItem
from .health import Health
from .health_status_enum import HealthStatusEnum
from .incidents_report import IncidentsReport
from .incidents_row import IncidentsRow
from .ingestion_health_report import IngestionHealthReport
from .ingestion_health_row import IngestionHealthRow
from .ingestion_state import IngestionState
from .known_failure_answer import KnownFailureAnswer
from .known_failure_request import KnownFailureRequest
from .late_pipelines_report import LatePipelinesReport
from .late_pipelines_row import LatePipelinesRow
from .latest_of_pipeline import LatestOfPipeline
from .latest_status_by_pipeline_report import LatestStatusByPipelineReport
from .latest_status_by_pipeline_row import LatestStatusByPipelineRow
from .lineage_answer import LineageAnswer
from .lineage_body_type_0 import LineageBodyType0
from .lineage_body_type_0_job import LineageBodyType0Job
from .lineage_body_type_0_run import LineageBodyType0Run
from .lineage_body_type_1_item import LineageBodyType1Item
from .lineage_body_type_1_item_job import LineageBodyType1ItemJob
from .lineage_body_type_1_item_run import LineageBodyType1ItemRun
from .lineage_event_type import LineageEventType
from .lineage_outcome import LineageOutcome
from .lineage_outcome_outcome_enum import LineageOutcomeOutcomeEnum
from .manual_run_request import ManualRunRequest
from .manual_run_request_payload_type_0 import ManualRunRequestPayloadType0
from .paginated_alert_rule_list import PaginatedAlertRuleList
from .paginated_client_list import PaginatedClientList
from .paginated_firing_rule_list import PaginatedFiringRuleList
from .paginated_pipeline_list import PaginatedPipelineList
from .paginated_run_list import PaginatedRunList
from .patched_alert_rule_request import PatchedAlertRuleRequest
from .patched_client_request import PatchedClientRequest
from .patched_pipeline_update_request import PatchedPipelineUpdateRequest
from .pipeline import Pipeline
from .pipeline_field import PipelineField
from .pipeline_request import PipelineRequest
from .pipeline_run_ordering import PipelineRunOrdering
from .pipeline_type import PipelineType
from .pipelines_dbt_run_results_body import PipelinesDbtRunResultsBody
from .pipelines_dbt_run_results_body_manifest_type_0 import PipelinesDbtRunResultsBodyManifestType0
from .pipelines_dbt_run_results_body_metadata import PipelinesDbtRunResultsBodyMetadata
from .pipelines_dbt_run_results_body_results_item import PipelinesDbtRunResultsBodyResultsItem
from .pipelines_dbt_run_results_body_run_results import PipelinesDbtRunResultsBodyRunResults
from .pipelines_dbt_run_results_body_run_results_metadata import PipelinesDbtRunResultsBodyRunResultsMetadata
from .pipelines_dbt_run_results_body_run_results_results_item import PipelinesDbtRunResultsBodyRunResultsResultsItem
from .platform import Platform
from .preview import Preview
from .push_outcome import PushOutcome
from .pushed_run_request import PushedRunRequest
from .pushed_run_request_payload_type_0 import PushedRunRequestPayloadType0
from .readiness import Readiness
from .readiness_problems import ReadinessProblems
from .readiness_status_enum import ReadinessStatusEnum
from .reliability_by_environment_report import ReliabilityByEnvironmentReport
from .reliability_by_environment_row import ReliabilityByEnvironmentRow
from .report_column import ReportColumn
from .report_description import ReportDescription
from .report_index import ReportIndex
from .report_parameter import ReportParameter
from .root import Root
from .rule_type import RuleType
from .run import Run
from .run_duration_distribution_report import RunDurationDistributionReport
from .run_duration_distribution_row import RunDurationDistributionRow
from .run_field import RunField
from .run_ordering import RunOrdering
from .run_payload_type_0 import RunPayloadType0
from .run_status import RunStatus
from .sort_direction import SortDirection
from .span import Span
from .status_counts import StatusCounts
from .sync_error import SyncError
from .sync_request_request import SyncRequestRequest
from .sync_started import SyncStarted
from .sync_state import SyncState
from .top_flaky_pipelines_report import TopFlakyPipelinesReport
from .top_flaky_pipelines_row import TopFlakyPipelinesRow
from .unusual_runs_report import UnusualRunsReport
from .unusual_runs_row import UnusualRunsRow
from .vendor_dependency_report import VendorDependencyReport
from .vendor_dependency_row import VendorDependencyRow
from .weekly_status_mix_report import WeeklyStatusMixReport
from .weekly_status_mix_row import WeeklyStatusMixRow
from .weekly_success_by_client_report import WeeklySuccessByClientReport
from .weekly_success_by_client_row import WeeklySuccessByClientRow

__all__ = (
    "AlertChannel",
    "AlertRule",
    "AlertRuleField",
    "AlertRuleOrdering",
    "AlertRuleRequest",
    "BatchAnswer",
    "BatchedRunRequest",
    "BatchedRunRequestPayloadType0",
    "BatchOutcome",
    "BatchOutcomeOutcomeEnum",
    "BatchRequest",
    "BucketWidth",
    "ChangesSinceYesterdayReport",
    "ChangesSinceYesterdayRow",
    "Client",
    "ClientField",
    "ClientOrdering",
    "ClientRequest",
    "ClientRiskReport",
    "ClientRiskRow",
    "ClientSummary",
    "ClientThroughputReport",
    "ClientThroughputRow",
    "ColumnType",
    "DailySuccessReport",
    "DailySuccessRow",
    "Environment",
    "Error",
    "ErrorCode",
    "ErrorCodeName",
    "ErrorError",
    "ErrorErrorDetailsItem",
    "ErrorIndex",
    "FailingNowReport",
    "FailingNowRow",
    "FailureCountsByClientReport",
    "FailureCountsByClientRow",
    "FailureRateByPlatformReport",
    "FailureRateByPlatformRow",
    "FailuresOverTimeReport",
    "FailuresOverTimeRow",
    "FailureStreaksReport",
    "FailureStreaksRow",
    "FiringRule",
    "FlakyOrdering",
    "FreshnessWatchlistReport",
    "FreshnessWatchlistRow",
    "GovernanceGapsReport",
    "GovernanceGapsRow",
    "Handover",
    "HandoverChangesItem",
    "HandoverFailingItem",
    "HandoverIncidentsItem",
    "HandoverLateItem",
    "HandoverRecoveredItem",
    "HandoverSourcesDarkItem",
    "Health",
    "HealthStatusEnum",
    "IncidentsReport",
    "IncidentsRow",
    "IngestionHealthReport",
    "IngestionHealthRow",
    "IngestionState",
    "KnownFailureAnswer",
    "KnownFailureRequest",
    "LatePipelinesReport",
    "LatePipelinesRow",
    "LatestOfPipeline",
    "LatestStatusByPipelineReport",
    "LatestStatusByPipelineRow",
    "LineageAnswer",
    "LineageBodyType0",
    "LineageBodyType0Job",
    "LineageBodyType0Run",
    "LineageBodyType1Item",
    "LineageBodyType1ItemJob",
    "LineageBodyType1ItemRun",
    "LineageEventType",
    "LineageOutcome",
    "LineageOutcomeOutcomeEnum",
    "ManualRunRequest",
    "ManualRunRequestPayloadType0",
    "PaginatedAlertRuleList",
    "PaginatedClientList",
    "PaginatedFiringRuleList",
    "PaginatedPipelineList",
    "PaginatedRunList",
    "PatchedAlertRuleRequest",
    "PatchedClientRequest",
    "PatchedPipelineUpdateRequest",
    "Pipeline",
    "PipelineField",
    "PipelineRequest",
    "PipelineRunOrdering",
    "PipelinesDbtRunResultsBody",
    "PipelinesDbtRunResultsBodyManifestType0",
    "PipelinesDbtRunResultsBodyMetadata",
    "PipelinesDbtRunResultsBodyResultsItem",
    "PipelinesDbtRunResultsBodyRunResults",
    "PipelinesDbtRunResultsBodyRunResultsMetadata",
    "PipelinesDbtRunResultsBodyRunResultsResultsItem",
    "PipelineType",
    "Platform",
    "Preview",
    "PushedRunRequest",
    "PushedRunRequestPayloadType0",
    "PushOutcome",
    "Readiness",
    "ReadinessProblems",
    "ReadinessStatusEnum",
    "ReliabilityByEnvironmentReport",
    "ReliabilityByEnvironmentRow",
    "ReportColumn",
    "ReportDescription",
    "ReportIndex",
    "ReportParameter",
    "Root",
    "RuleType",
    "Run",
    "RunDurationDistributionReport",
    "RunDurationDistributionRow",
    "RunField",
    "RunOrdering",
    "RunPayloadType0",
    "RunStatus",
    "SortDirection",
    "Span",
    "StatusCounts",
    "SyncError",
    "SyncRequestRequest",
    "SyncStarted",
    "SyncState",
    "TopFlakyPipelinesReport",
    "TopFlakyPipelinesRow",
    "UnusualRunsReport",
    "UnusualRunsRow",
    "VendorDependencyReport",
    "VendorDependencyRow",
    "WeeklyStatusMixReport",
    "WeeklyStatusMixRow",
    "WeeklySuccessByClientReport",
    "WeeklySuccessByClientRow",
)
