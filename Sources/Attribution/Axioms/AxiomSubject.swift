package import Graphs
package import Kernels
import Rewrites
package import Tensors

/// A model with a point of it and what that is compared with, on which axioms are tried.
package final class AxiomSubject {
  /// What messages call it.
  package let name: String
  /// The model with its scores as the only output.
  package let graph: Graph
  /// Graphs of the same function, by name.
  package let equivalents: [(name: String, graph: Graph)]
  /// The model at the point.
  package let question: Question
  /// All scores of the point.
  package let scores: [Double]
  /// The score at the point less the one at the baseline.
  package let change: Double
  package let tolerance: AxiomTolerance
  package let seed: UInt64
  /// The shape of the point as the model takes it.
  let shape: Shape
  let explained: Int
  /// The layer of a larger model that the explained input stands for, where it does.
  let layer: String?
  let workspace: Workspace
  private let fixed: [Int: Tensor]
  private var known: [Method: AttributionMap] = [:]
  private var randomness: [Method: Bool] = [:]
  private var settled: [Method: Method] = [:]

  /// A function, a point of it and one of its scores.
  package struct Question {
    package let function: ModelFunction
    package let point: Tensor
    package let baseline: Tensor
    package let target: Int

    /// The same function and score at another point, compared with the same or with another baseline.
    func at(_ elements: [Double], from start: [Double]? = nil) -> Question {
      func row(_ elements: [Double]) -> Tensor {
        Tensor(elements, shape: point.shape).converted(to: point.elementType)
      }
      return Question(
        function: function, point: row(elements), baseline: start.map(row) ?? baseline,
        target: target)
    }
  }

  /// - Parameters:
  ///   - inputs: one tensor per input of the model, for one sample; of several the first is taken.
  ///   - explained: which of them gets attributions.
  ///   - layer: the layer of a larger model that it stands for, where it does.
  ///   - baseline: what that input is compared with, of its shape; zero unless given.
  ///   - space: where the scores are read.
  ///   - choice: the scores of which the first is looked at, given all of the point; unless given the one that changes most
  ///     between baseline and point.
  ///   - equivalents: models of the same function.
  ///   - seed: what random choices depend on.
  /// - Throws: `ModelError` if the input has no gradient, or the score does not change.
  package init(
    _ name: String, _ model: Graph, inputs: [Tensor], explaining explained: Int = 0,
    layer: String? = nil, from baseline: Tensor? = nil, space: TargetSpace = .logit,
    choosing choice: Problem.Targets? = nil,
    equivalents: [(name: String, graph: Graph)] = [], seed: UInt64 = 1,
    in workspace: Workspace = Workspace()
  ) throws(ModelError) {
    let input = inputs[explained]
    guard input.elementCount > 0 else { throw ModelError("the input is empty", kind: .usage) }
    let fixed = Dictionary(
      uniqueKeysWithValues: inputs.indices.filter { $0 != explained }.map { ($0, inputs[$0]) })
    let model = space == .softmax ? try model.endingInSoftmax() : model
    let graph = model.selecting([try model.scores(in: space).value])
    let function = try ModelFunction(
      graph, explaining: explained, shape: input.shape, fixed: fixed, space: graph.firstOutput,
      example: input, in: workspace
    )
    let point = function.firstPoint(of: input)
    let start = baseline.map(function.firstPoint) ?? point.zeros()
    let scores = try function.scores(at: Tensor(stacking: [point, start]))
    let changes = zip(scores[0], scores[1]).map { $0 - $1 }
    for (scores, place, advice) in [
      (scores[0], "at \(name)", "give an input at which the model is defined"),
      (scores[1], "at the baseline", "name one at which the model is defined with --baseline"),
    ] {
      guard let index = scores.firstIndex(where: { !$0.isFinite }) else { continue }
      throw ModelError("score \(index) is \(Axioms.text(scores[index])) \(place); \(advice)")
    }
    let most = changes.indices.max { abs(changes[$0]) < abs(changes[$1]) }
    guard let target = try choice?(scores[0]).first ?? most, changes[target] != 0 else {
      let score = choice == nil ? "no score changes" : "the score does not change"
      throw ModelError("\(score) between the baseline and the input; give another input")
    }
    self.name = name
    self.graph = graph
    self.equivalents = equivalents
    self.question = Question(function: function, point: point, baseline: start, target: target)
    self.scores = scores[0]
    self.change = changes[target]
    self.tolerance = AxiomTolerance(function.elementType)
    self.seed = seed
    self.shape = function.hasBatches ? point.shape : input.shape
    self.explained = explained
    self.layer = layer
    self.workspace = workspace
    self.fixed = fixed
  }

  /// The element type of points and attributions.
  var elementType: ElementType { question.function.elementType }

  /// The elements of the point.
  var elements: [Double] { question.point.doubles }

  /// The elements of the baseline.
  var start: [Double] { question.baseline.doubles }

  /// Another graph of the same inputs at a point from a baseline, both of one shape; the subject's own
  /// where none is given.
  func question(
    of graph: Graph, at point: Tensor? = nil, from baseline: Tensor? = nil, target: Int? = nil
  ) throws(ModelError) -> Question {
    let input = point ?? question.point.reshaped(to: shape)
    let function = try ModelFunction(
      graph, explaining: explained, shape: input.shape, fixed: fixed, space: graph.firstOutput,
      example: input, in: workspace
    )
    guard function.pointShape.elementCount == input.elementCount else {
      throw ModelError(
        "samples in one batch change each other's scores; give the model one at a time")
    }
    let row = Shape([1] + function.pointShape)
    return Question(
      function: function, point: input.reshaped(to: row),
      baseline: (baseline ?? question.baseline).reshaped(to: row),
      target: target ?? question.target)
  }

  /// The map of a method; that of the subject's own question is computed once.
  func map(
    by method: Method, of other: Question? = nil, draw: UInt64 = 0
  ) throws -> AttributionMap {
    if other == nil, draw == 0, let map = known[method] { return map }
    // A pilot would find another power for another function: axioms are about one rule.
    let rule =
      try settled[method]
      ?? method.settled(
        on: self.question.function, from: self.question.baseline, to: self.question.point)
    settled[method] = rule
    let question = other ?? question
    let problem = Problem(
      question.function, at: question.point, baseline: question.baseline,
      randomness: Problem.Randomness(seed: seed &+ draw, digest: name),
      targets: { _ in [question.target] })
    let maps = try rule.maps(of: problem, from: [question.baseline]).maps
    guard let map = maps.first?.map else {
      throw ModelError("the method gives no map", kind: .fault)
    }
    if other == nil, draw == 0 { known[method] = map }
    return map
  }

  /// Whether a method draws random numbers: whether one of some further maps differs.
  func isRandom(_ method: Method) throws -> Bool {
    if let known = randomness[method] { return known }
    let first = try map(by: method).values.doubles
    let isRandom = try (1...8).contains {
      try map(by: method, draw: UInt64($0)).values.doubles != first
    }
    randomness[method] = isRandom
    return isRandom
  }

  /// What `number` makes of maps with other random numbers: between 8 and 64, fewer of those that cost
  /// more.
  func sample(
    by method: Method, of other: Question? = nil, _ number: (AttributionMap) -> Double
  ) throws -> Scatter {
    let passes = try map(by: method).passes
    let count = min(max(512 / max(passes.forward + passes.backward, 1), 8), 64)
    return Scatter(
      try (0..<count).map { try number(map(by: method, of: other, draw: UInt64($0))) })
  }

  /// How messages name a feature, by its coordinates, as in `(0, 12, 7)`.
  func label(_ index: Int, in shape: Shape? = nil) -> String {
    let shape = shape ?? question.function.pointShape
    let places = shape.indices.map { index / shape.strides[$0] % max(shape[$0], 1) }
    return "(\(places.map(String.init).joined(separator: ", ")))"
  }

  /// Seeded random numbers for one purpose.
  func noise(_ purpose: String) -> SampleNoise {
    SampleNoise(seed: seed, digest: name, purpose: purpose)
  }
}

extension Graph {
  /// The first output as it is, whatever it ends in.
  fileprivate var firstOutput: TargetSpace {
    .output(outputs.first.map { name(of: $0) } ?? "")
  }
}
