import Graphs
import Rewrites

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

  /// How the weights were calibrated, for the metadata of the file.
  var calibrationNote: String? { nil }

  /// That the result is not homogeneous, with the first nodes that break it.
  var strictError: ModelError {
    let breakers = homogeneity.breakers
    let named = breakers.prefix(3).map { "'\($0.node)' (\($0.operator)) \($0.reason)" }
    let more = breakers.count > 3 ? " and \(breakers.count - 3) more" : ""
    let hint = replaced.isEmpty ? "; --replace swaps those that have a stand-in" : ""
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
