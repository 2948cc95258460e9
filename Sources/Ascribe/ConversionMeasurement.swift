import Attribution
public import Evaluation
import Graphs
import Kernels
import Tensors

/// What a conversion costs, on pictures that it has not seen.
public struct ConversionMeasurement: Sendable, Codable {
  /// One form of the model.
  public struct Variant: Sendable, Codable {
    /// `original`, `stripped`, `absorption` or `reconstruction`.
    public let name: String
    /// How far its scores are the original's.
    public let agreement: Agreement
    /// How often it is right; nil where no picture has a label.
    public let accuracy: Accuracy?
    /// How far input times gradient, over the degree, is from Integrated Gradients (128
    /// Gauss-Legendre steps, zero baseline); nil where it was not compared.
    public let difference: RelativeDifference?

    /// Writes every key, with null for what was not measured.
    public func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(name, forKey: .name)
      try container.encode(agreement, forKey: .agreement)
      try container.encode(accuracy, forKey: .accuracy)
      try container.encode(difference, forKey: .difference)
    }
  }

  /// The folder of the pictures.
  public let data: String
  /// How many of them were used.
  public let pictures: Int
  /// The files in the folder that could not be used.
  public let skipped: [SampleFolder.Skipped]
  /// The original and what became of it.
  public let variants: [Variant]

  /// The variant with this name.
  public func variant(_ name: String) -> Variant? { variants.first { $0.name == name } }
}

/// One model on the samples of a folder.
final class ModelMeasurement {
  private let function: ModelFunction
  private let samples: SampleFolder
  private let places: [Int]
  private let degree: Int?

  /// Samples scored together, before the function makes batches of its own.
  private static let chunk = 16
  /// Steps of the Integrated Gradients that input times gradient is compared with.
  static let steps = 128

  init(_ graph: Graph, on samples: SampleFolder, at places: [Int]) throws(ModelError) {
    let shape = Shape([1] + samples.tensor.shape.dropFirst())
    self.function = try ModelFunction(graph, explaining: 0, shape: shape, in: Workspace())
    self.degree = try function.homogeneity().degree
    self.samples = samples
    self.places = places
  }

  /// Whether the model takes several samples at once and treats each alike.
  var hasBatches: Bool { function.hasBatches }

  /// The scores of every sample.
  func scores(progress: (Double) throws -> Void = { _ in }) throws -> [[Double]] {
    var scores: [[Double]] = []
    for start in stride(from: 0, to: places.count, by: Self.chunk) {
      let chunk = places[start..<min(start + Self.chunk, places.count)]
      scores += try function.scores(at: points(Array(chunk)))
      try progress(Double(scores.count) / Double(places.count))
    }
    return scores
  }

  /// Input times gradient beside Integrated Gradients, on the first `count` samples: of the label's
  /// score, or the best where there is no label.
  func difference(
    _ scores: [[Double]], first count: Int, progress: (Double) throws -> Void = { _ in }
  ) throws -> RelativeDifference? {
    let count = min(count, places.count)
    guard count > 0 else { return nil }
    let integration = Integration.steps(Self.steps, .gaussLegendre)
    let factor = 1 / Double(degree ?? 1)
    var maps: [[Double]] = []
    var references: [[Double]] = []
    for (number, place) in places.prefix(count).enumerated() {
      let point = points([place])
      let target = samples.labels[place] ?? scores[number].best
      let gradient = try function.gradients(at: point, targets: [target]).gradients
      let reference = try function.pathIntegral(
        from: point.zeros(), to: point, target: target, by: integration
      ) { try progress((Double(number) + $0) / Double(count)) }
      maps.append(InputXGradient.values(gradient.doubles, point, factor))
      references.append(reference.values.doubles)
    }
    return RelativeDifference(of: maps, from: references)
  }

  private func points(_ places: [Int]) -> Tensor {
    samples.rows(places).reshaped(to: Shape([places.count] + function.pointShape))
  }
}
