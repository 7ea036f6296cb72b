// SPDX-License-Identifier: Apache-2.0
// The API's messages as its JSON has them: 64-bit integers are strings (/api/v1/openapi.json is the reference).
export type Int64 = string;

export interface Layer { type: string; id?: number; client_end: string; server_end: string }
export interface Flow {
  packets: Int64; bytes: Int64; retransmissions: number; ttl: number; isn?: number; missed: number; missed_bytes: Int64;
  loop?: { laps: number; ttl_first: number; ttl_last: number }; window_scale?: number;
}
export interface FlowAnalysis {
  rtt?: { count: number; sum_ns: Int64; max_ns: Int64 }; retransmissions_fast: number; retransmissions_timeout: number; retransmissions_spurious: number;
  out_of_order: number; duplicate_acks: number; zero_windows: number; windows_full: number; keep_alives: number;
}
export interface TcpAnalysis { to_server?: FlowAnalysis; to_client?: FlowAnalysis; handshake_server_ns: Int64; handshake_client_ns: Int64; first_byte_ns: Int64 }
export interface Leg {
  leg_id: string; tap: string; clock: string; observer: string; client: string; server: string; vni?: number; layers: Layer[];
  client_mac: string; server_mac: string; netns: number; first_ns: Int64; last_ns: Int64; end: string;
  to_server?: Flow; to_client?: Flow; process: string; pid: number; app: string; server_name: string; tcp?: TcpAnalysis;
}
export interface Evidence { by: string; bits: number }
export interface Delay { direction: string; min_ns: Int64; mean_ns: Int64; max_ns: Int64; error_ns: Int64; samples: number }
export interface Link {
  from: number; to: number; kind: string; grade: string; bits: number; margin_bits: number; rivals: number; evidence: Evidence[];
  delta_to_server?: number; delta_to_client?: number; delays: Delay[]; changes: string; clock?: { offset_ns: Int64; error_ns: Int64 };
  losses?: LinkLoss[];
}
/** Two taps that follow each other in one direction alone. */
export interface Span { direction: string; from: number; to: number; delay?: Delay }
export interface Weighing { way: string; evidence: Evidence[]; bits: number; bits_needed: number; accepted: boolean; is_explicit: boolean }
export interface LinkExplanation { a: Leg; b: Leg; path_a: string; path_b: string; unlinked_a: string; unlinked_b: string; kind: string; changes: string; weighings: Weighing[] }
export interface LinkRivals { leg: Leg; path: string; unlinked: string; rivals: LinkExplanation[]; keys_crowded: number; partial: string }
export interface LinkLoss { direction: string; lost: number; lost_bytes: Int64; unknown: number; unknown_bytes: Int64 }
export interface Opening {
  first_leg: number; last_leg: number; fate: string; from_leg?: number; to_leg?: number; syn_count: number; gateway: string; usual_tap: string;
}
export interface Reset { direction: string; by: string; from_leg?: number; to_leg: number; certain: boolean; time_ns: Int64 }
export interface Path {
  path_id: string; revision: number; retracted: boolean; merged_into: string; proto: string; unlinked: string;
  first_ns: Int64; last_ns: Int64; legs: Leg[]; links: Link[];
  losses?: { fate: string; direction: string; from_leg?: number; to_leg?: number; times: number }[]; losses_partial?: boolean;
  spans?: Span[]; openings?: Opening[]; resets?: Reset[]; icmp_errors?: { direction: string; leg: number; reporter: string; meaning: string; count: number }[];
}
export interface PathList { paths: Path[]; partial: string; next: string }
/** docs/LADDER_TABLE.md: its arrays are `bytes` from `at` on. */
export interface LadderTable { path_id: string; columns: Leg[]; rows: number; start_ns: Int64; partial: string; more: boolean; delay_error_ns?: number[]; empty?: string; kept_since_ns?: Int64; bytes: ArrayBuffer; at: number }
export interface Counter { name: string; tap: string; value: Int64; text: string }
export interface Observer {
  name: string; kind: string; connected: boolean; started_ns: Int64; heard_ns: Int64; program_version: string; taps: string[];
  counters: Counter[];
}
export interface Status { version: string; observers: Observer[]; counters: Counter[] }
export interface Bucket { paths: Int64; unlinked: Int64; resets: Int64; retransmitting: Int64 }
export interface ValueSeries { value: string; total: Int64; counts: Int64[] }
export interface Histogram {
  since_ns: Int64; until_ns: Int64; step_ns: Int64; buckets: Bucket[]; by: string; series: ValueSeries[]; partial: string; one_in: number;
}
export interface FacetList { facets: { field: string; values: { value: string; paths: Int64 }[]; more: boolean }[]; paths: Int64; partial: string; one_in: number; histogram?: Histogram }
export interface DelaySummary { paths: Int64; p50_ns: Int64; p99_ns: Int64; error_ns: Int64 }
export interface TimePoint { paths: Int64; delay_paths: Int64; p50_ns: Int64; p99_ns: Int64 }
export interface GatewayInstance {
  instance: string; paths: Int64; share: number; delay?: DelaySummary; packets_before: Int64; packets_behind: Int64;
  packets_missing: Int64; retransmitting: Int64; resets: Int64; addresses: Int64; ports: Int64; first_ns: Int64; last_ns: Int64;
  slowest_path: string; points: TimePoint[]; lost: Int64; not_captured: Int64; lost_or_not_captured: Int64;
}
export interface GatewayGroup {
  kind: string; from_tap: string; to_tap: string; paths: Int64; delay?: DelaySummary; instances: GatewayInstance[];
}
export interface GatewayGroupList { since_ns: Int64; step_ns: Int64; groups: GatewayGroup[]; partial: string }
/** What the linker learnt of one gateway. */
export interface Gateway {
  gateway_id: string; name: string; known_by: string; from_tap: string; to_tap: string; first_ns: Int64; last_ns: Int64; links: Int64;
  traits: { name: string; value: string; counts: { value: string; links: Int64 }[] }[]; pool: string[]; pool_more: Int64;
  services: string[]; services_more: Int64; backends: string[]; backends_more: Int64; resets: Int64; syns_eaten: Int64;
  delays: { direction: string; count: Int64; p50_ns: Int64; p99_ns: Int64; error_ns: Int64 }[];
  traffic: { direction: string; packets: Int64; lost: Int64 }[]; events: { time_ns: Int64; what: string; before: string; after: string }[];
}
export interface GatewayList { gateways: Gateway[]; partial: string; inventory?: { address: string; name: string }[] }
export interface Service {
  service: string; proto: string; paths: Int64; clients: Int64; bytes: Int64; resets: Int64; retransmitting: Int64; unlinked: Int64;
  newest_path: string; counts: Int64[];
}
export interface ServiceList { since_ns: Int64; step_ns: Int64; services: Service[]; partial: string }
export interface TopologyNode { id: string; role: string; name: string; paths: Int64; filter: string; layer: number }
export interface TopologyEdge { from: string; to: string; paths: Int64; resets: Int64; retransmitting: Int64 }
export interface Topology { nodes: TopologyNode[]; edges: TopologyEdge[]; partial: string }
export interface ClockPair {
  from: string; to: string; paths: Int64; offset_ns: Int64; error_ns: Int64; offsets_ns: Int64[]; errors_ns: Int64[];
}
export interface ClockList { since_ns: Int64; step_ns: Int64; clocks: string[]; pairs: ClockPair[]; partial: string }
export interface Incident {
  kind: string; subject: string; sentence: string; severity: number; since_ns: Int64; paths: Int64; points: number[]; unit: string;
  path_id: string; filter: string; where: string; value: number; usual: number; error: number;
}
export interface IncidentList { since_ns: Int64; step_ns: Int64; incidents: Incident[]; partial: string }
export interface ComparedFigures {
  paths: Int64; delay?: DelaySummary; packets_before: Int64; packets_missing: Int64; lost: Int64; not_captured: Int64; lost_or_not_captured: Int64;
  retransmitting: Int64; resets: Int64; unlinked: Int64;
}
export interface ComparedTimes {
  kind: string; from_tap: string; to_tap: string; instance: string; before?: ComparedFigures; now?: ComparedFigures; worse: string[]; better: string[];
}
export interface TimeComparison { since_ns: Int64; until_ns: Int64; before_ns: Int64; rows: ComparedTimes[]; partial: string }
export interface FieldList { fields: { name: string; type: string; text: string; words: string }[] }
