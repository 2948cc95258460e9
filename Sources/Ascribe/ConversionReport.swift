import Graphs
public import Rewrites

/// What a conversion did: what `strip-biases` prints.
public struct ConversionReport: Sendable, Codable {
  /// A constant that a node added.
  public struct Constant: Sendable, Codable {
    /// The node that added it.
    public let node: String
    /// The node's operator.
    public let `operator`: String
    /// The constant's name.
    public let name: String
    /// How many numbers it holds.
    public let elements: Int
    /// Why it was left; absent for one that was removed.
    public let reason: String?
  }

  /// A node that a homogeneous one replaced.
  public struct Replaced: Sendable, Codable {
    /// The node's name, which its stand-in keeps.
    public let node: String
    /// The operator that it was.
    public let `operator`: String
    /// The operator that it is now.
    public let by: String
  }

  /// The model file.
  public let model: String
  /// The digest of the model file.
  public let modelSHA256: String
  /// How many BatchNormalization nodes were folded into convolutions first.
  public let foldedBatchNormalizations: Int
  /// The biases that were removed.
  public let removed: [Constant]
  /// What is added but may be no bias, and was left.
  public let kept: [Constant]
  /// What gave way to a homogeneous stand-in.
  public let replaced: [Replaced]
  /// Whether the result is homogeneous, and if not, which nodes break it.
  public let homogeneity: ModelSummary.Homogeneity
  /// How the weights were fitted to pictures; nil where they were not.
  public internal(set) var calibration: CalibrationReport?
  /// The model before and after; nil where nothing was measured.
  public internal(set) var measured: ConversionMeasurement?

  /// Writes every key, with null for what was not done.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(model, forKey: .model)
    try container.encode(modelSHA256, forKey: .modelSHA256)
    try container.encode(foldedBatchNormalizations, forKey: .foldedBatchNormalizations)
    try container.encode(removed, forKey: .removed)
    try container.encode(kept, forKey: .kept)
    try container.encode(replaced, forKey: .replaced)
    try container.encode(homogeneity, forKey: .homogeneity)
    try container.encode(calibration, forKey: .calibration)
    try container.encode(measured, forKey: .measured)
  }
}

/// How the weights of a bias-free model were fitted to pictures.
public struct CalibrationReport: Sendable, Codable {
  /// `absorption` or `reconstruction`.
  public let method: String
  /// The folder of the pictures.
  public let data: String
  /// How many of them the weights were fitted to.
  public let pictures: Int
  /// What the sample of patches depends on.
  public let seed: UInt64
  /// The files in the folder that could not be used.
  public let skipped: [SampleFolder.Skipped]
  /// What was done to each layer.
  public let layers: [CalibratedLayer]
}

extension ConversionReport {
  init(
    model: String, modelSHA256: String, _ stripping: BiasStripping, replaced: [Replacement],
    _ homogeneity: ModelSummary.Homogeneity
  ) {
    self.model = model
    self.modelSHA256 = modelSHA256
    self.foldedBatchNormalizations = stripping.foldedCount
    self.removed = stripping.removed.map { Constant($0, reason: nil) }
    self.kept = stripping.kept.map { Constant($0, reason: $0.doubt) }
    self.replaced = replaced.map {
      Replaced(node: $0.node, operator: $0.operatorName, by: $0.standIn)
    }
    self.homogeneity = homogeneity
  }

  /// That the result is not homogeneous, with the first nodes that break it.
  var strictError: ModelError {
    let breakers = homogeneity.breakers
    let named = breakers.prefix(3).map { "'\($0.node)' (\($0.operator)) \($0.reason)" }
    let more = breakers.count > 3 ? " and \(breakers.count - 3) more" : ""
    let hasStandIn = breakers.contains {
      ["Clip", "HardSwish", "Swish", "Sigmoid", "LRN"].contains($0.operator)
    }
    let hint =
      replaced.isEmpty && hasStandIn ? "; --replace swaps those that have a stand-in" : ""
    return ModelError(
      breakers.isEmpty
        ? "the scores do not grow with the input"
        : "not homogeneous without its biases: \(named.joined(separator: ", "))\(more)\(hint)")
  }
}

extension ConversionReport.Constant {
  fileprivate init(_ bias: Bias, reason: String?) {
    self.init(
      node: bias.node, operator: bias.operatorName, name: bias.name, elements: bias.elementCount,
      reason: reason)
  }
}
