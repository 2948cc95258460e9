public import Attribution

/// What explains predictions in an exported model, and how the file is to be.
public struct ExportOptions: Sendable {
  /// Which score a model explains that carries its own explanation.
  public enum Target: Sendable, Hashable {
    /// The largest of each sample, found in the graph.
    case argmax
    /// The one with this index.
    case index(Int)
    /// The one that the caller names for each sample, in a further input `target`.
    case input
  }

  /// How attributions are computed: the gradient, input times gradient, the X-gradient or Integrated
  /// Gradients of a fixed number of steps.
  public var method = Method.auto
  /// Which score is explained.
  public var target = Target.argmax
  /// Where the scores are read.
  public var space = TargetSpace.logit
  /// What Integrated Gradients compare the input with: one that does not depend on the input.
  public var baseline = Baseline.zero
  /// How black and white pixels, or a picture, become a baseline.
  public var pictures: PictureRule?
  /// How many evaluations of Integrated Gradients run together, at most: what decides the memory.
  public var chunk = 8
  /// The input that is explained; the first one of floating-point numbers unless named.
  public var input: String?
  /// The number of samples, where it is to be fixed.
  public var batch: Int?
  /// The extents of one sample of the explained input, where the file leaves some open.
  public var sampleShape: [Int]?
  /// The opset of the file; 17 or the model's own, if that is newer, unless given.
  public var opset: Int?

  /// The defaults of the command line.
  public init() {}
}

/// What an exported model is and does.
public struct ExportReport: Sendable, Codable {
  /// The model that it was made from.
  public let model: String
  /// The SHA-256 digest of that file.
  public let modelSHA256: String
  /// The method that was used; never `auto`.
  public let method: String
  /// Evaluations of the gradient; nil for methods of one.
  public let steps: Int?
  /// Where on the path they lie; nil for methods of one.
  public let quadrature: String?
  /// How many of them run together; nil for methods of one.
  public let chunk: Int?
  /// What the input is compared with; nil for methods without a baseline.
  public let baseline: String?
  /// `argmax`, `input` or an index.
  public let target: String
  /// Where the scores are read.
  public let targetSpace: String
  /// The final node before which they are read, where one is left out.
  public let omittedNode: String?
  /// The number of samples; nil where the caller decides it.
  public let batch: Int?
  /// The opset of the file.
  public let opset: Int
  /// Nodes in the file, those of a loop counted once.
  public let nodes: Int
  /// The inputs, with their types.
  public let inputs: [ModelSummary.Port]
  /// The outputs, with their types: those of the model, then what explains them.
  public let outputs: [ModelSummary.Port]
}
