public import Attribution

/// What to compute, and how.
public struct AttributionOptions: Sendable {
  /// How attributions are computed.
  public var method = Method.auto
  /// Which scores are explained.
  public var targets = [Target.argmax]
  /// Where the scores are read.
  public var space = TargetSpace.logit
  /// What the input is compared with; the maps from several are averaged.
  public var baselines = [Baseline.zero]
  /// An inner value that is explained in place of the input; a method of a layer of its own goes along the
  /// path of this one.
  public var layer: String?
  /// What random numbers depend on.
  public var seed: UInt64 = 0

  /// The defaults of the command line.
  public init() {}
}

/// A score that was explained.
public struct ExplainedTarget: Sendable, Codable {
  /// The place of the score among the scores of one sample.
  public let index: Int
  /// The label of the class, where labels are known.
  public let label: String?
  /// Where the score was read: `logit`, `softmax` or the name of an output.
  public let space: String
  /// The place of the score that it is compared with, where a margin is explained.
  public let comparedWith: Int?

  /// Writes every key, with null where the label is not known.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(index, forKey: .index)
    try container.encode(label, forKey: .label)
    try container.encode(space, forKey: .space)
    try container.encodeIfPresent(comparedWith, forKey: .comparedWith)
  }
}

/// Why one sample got one score.
public struct Explanation: Sendable {
  /// What tells it from explanations of other targets: `argmax`, `top1`, an index, or two with a dash.
  public let name: String
  /// The names of targets that came to the same score and have no explanations of their own.
  public internal(set) var otherNames: [String] = []
  /// The score that is explained.
  public let target: ExplainedTarget
  /// The node before which the scores were read, such as a final Softmax; nil where they are the
  /// model's own output.
  public let omittedNode: String?
  /// The method that was used; never `auto`.
  public let method: Method
  /// The attribution of each element of the input or layer.
  public let map: AttributionMap
  /// The names of the baselines, a file for each of a folder.
  public let baselineNames: [String]
  /// The seconds that it took.
  public let seconds: Double
}
