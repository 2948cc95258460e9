public import Attribution
public import Evaluation

/// What an evaluation measures, and how.
public struct EvaluationOptions: Sendable {
  /// Which score of a sample is explained.
  public enum Target: String, Sendable, CaseIterable {
    /// That of its known class.
    case label
    /// The best one.
    case argmax
  }

  /// How maps are computed; the first is what others are compared with.
  public var methods: [Method] = []
  /// What is measured; nil for what the paper measures, as far as the samples allow.
  public var metrics: [Metric]?
  /// Which score is explained; nil for the label's where all samples have one, else the best.
  public var target: Target?
  /// Where scores are read.
  public var space = TargetSpace.logit
  /// What inputs are compared with; the maps from several are averaged.
  public var baselines = [Baseline.zero]
  /// Files for further inputs of the models, by the inputs' names.
  public var inputs: [String: String] = [:]
  /// An inner value that is explained and perturbed in place of the input.
  public var layer: String?
  /// What random numbers depend on.
  public var seed: UInt64 = 0
  /// The part of the data set that is evaluated.
  public var shard = Shard.whole
  /// A folder of masks, named like the samples.
  public var masks: String?
  /// A folder that receives the maps.
  public var mapFolder: String?
  /// Whether these maps have half the digits.
  public var savesFloat16 = false
  /// Whether a sample that fails ends the run.
  public var isStrict = false

  /// Nothing to measure yet.
  public init() {}
}
