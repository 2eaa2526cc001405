/** Which conditions a Raspberry Pi's firmware names; a board that names fewer leaves the others out. */
export interface ThrottleFlags {
  /** The supply is below 4.63 V. */
  readonly underVoltage?: boolean;
  readonly frequencyCapped?: boolean;
  readonly throttled?: boolean;
  readonly softTemperatureLimit?: boolean;
}

/** One frequency domain of the CPU: cores that change their frequency together. All in Hz. */
export interface FrequencyPolicy {
  /** Number of the first CPU in it, which the kernel names it after. */
  readonly policy: number;
  /** What the governor has asked for last. */
  readonly hz?: number;
  /** What power mode, user and thermal governor allow now. */
  readonly maxHz?: number;
  /** What the hardware can do. */
  readonly hardwareMaxHz?: number;
}

/**
 * What can be known of a board at one moment. What the board does not have, or says in a way that makes no sense, is
 * absent and never zero. [docs/telemetry.md]
 */
export interface Readings {
  /** Share of all online CPUs that was busy since the sample before, 0 to 1. */
  readonly cpuLoad?: number;
  /** CPUs that are switched on: power modes of a Jetson take some away. */
  readonly cpusOnline?: number;
  /** CPUs' worth of time that the cgroup of this process may use, where it is limited. */
  readonly cpuQuota?: number;
  /** Highest of the policies' frequencies now. */
  readonly frequencyHz?: number;
  /** Highest of the policies' allowed frequencies. */
  readonly frequencyMaxHz?: number;
  /** Highest of the policies' hardware limits. */
  readonly frequencyHardwareMaxHz?: number;
  readonly frequencies?: readonly FrequencyPolicy[];
  /** Of the hottest CPU zone, in °C. */
  readonly temperatureC?: number;
  /** The kernel's name of that zone. */
  readonly temperatureZone?: string;
  readonly gpuTemperatureC?: number;
  /** Whether the firmware holds the CPU back now. */
  readonly throttled?: boolean;
  readonly throttle?: {
    readonly now: ThrottleFlags;
    /** Since boot, as the firmware says. */
    readonly sinceBoot?: ThrottleFlags;
  };
  /** What new work could get without swapping (`MemAvailable`). */
  readonly memoryFreeBytes?: number;
  /** Share of the GPU that is busy, 0 to 1. */
  readonly gpuLoad?: number;
  readonly gpuFrequencyHz?: number;
  readonly gpuFrequencyMaxHz?: number;
}

export interface TelemetrySample extends Readings {
  /** The board's wall clock in seconds since 1970. */
  readonly at: number;
}

/** One place that a board can be read from. */
export interface TelemetrySource {
  readonly name: string;
  /** A few small synchronous reads, without a fork. Never throws: what is not there is left out. */
  read(): Readings;
}
