public import Attribution

/// What to compute, and how.
public struct AttributionOptions: Sendable {
  /// How attributions are computed.
  public var method = Method.auto
  /// Whether the X-gradient gives way to input times gradient, named so, on a model that is not
  /// homogeneous; it is an error otherwise.
  public var fallsBack = false
  /// Which scores are explained.
  public var targets = [Target.argmax]
  /// Where the scores are read.
  public var space = TargetSpace.logit
  /// What the input is compared with.
  public var baseline = Baseline.zero
  /// Evaluations of the gradient, for Integrated Gradients.
  public var steps = 128
  /// Where on the path they lie.
  public var quadrature = Quadrature.warped(power: Quadrature.defaultPower)
  /// An inner value that is explained in place of the input.
  public var layer: String?

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

  /// Writes every key, with null where the label is not known.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(index, forKey: .index)
    try container.encode(label, forKey: .label)
    try container.encode(space, forKey: .space)
  }
}

/// Why one sample got one score.
public struct Explanation: Sendable {
  /// The score that is explained.
  public let target: ExplainedTarget
  /// The node before which the scores were read, such as a final Softmax; nil where they are the
  /// model's own output.
  public let omittedNode: String?
  /// The method that was used; never `auto`.
  public let method: Method
  /// The attribution of each element of the input or layer.
  public let map: AttributionMap
  /// The seconds that it took.
  public let seconds: Double
}
