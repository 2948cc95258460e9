import Attribution
import Foundation
import Graphs
import Rewrites
public import Tensors

extension ModelSession {
  /// Explains every row of a batch.
  ///
  /// - Parameters:
  ///   - inputs: one tensor per input of the model; the explained one is a batch, the others have
  ///     one row.
  ///   - index: which of the inputs is explained.
  ///   - labels: the names of the scores, for targets given by label.
  ///   - baseline: for one row of the explained input, a row to compare it with.
  ///   - progress: told of the share that is done; what it throws ends the run.
  /// - Returns: for each row its explanations, one per target.
  /// - Throws: `ModelError` if an option makes no sense for this model or a node has no gradient.
  public func explain(
    _ inputs: [Tensor], at index: Int = 0, options: AttributionOptions = AttributionOptions(),
    labels: [String] = [], baseline: (Tensor) throws -> Tensor,
    progress: (Double) throws -> Void = { _ in }
  ) throws -> [[Explanation]] {
    do {
      return try explanations(
        of: inputs, at: index, options, labels, baseline: baseline, progress: progress)
    } catch let error as ModelError {
      throw error.inFile(model.url.relativePath)
    }
  }

  private func explanations(
    of inputs: [Tensor], at index: Int, _ options: AttributionOptions, _ labels: [String],
    baseline: (Tensor) throws -> Tensor, progress: (Double) throws -> Void
  ) throws -> [[Explanation]] {
    guard index < inputs.count else {
      throw ModelError("the model has no input \(index)", kind: .usage)
    }
    let rows = model.hasBatches(at: index) ? inputs[index].shape.first ?? 1 : 1
    return try (0..<rows).map { row in
      var sample = inputs
      if rows > 1 { sample[index] = inputs[index].rows(row..<(row + 1)) }
      let problem = try problem(
        sample, at: index, options: options, baseline: try baseline(sample[index]))
      guard rows == 1 || problem.function.rowsAreIndependent else {
        throw ModelError(
          "the model mixes the \(rows) rows of input '\(model.inputs[index].name)', so they are "
            + "no samples; give one row", kind: .usage)
      }
      return try problem.explain(options, labels) { share in
        try progress((Double(row) + share) / Double(rows))
      }
    }
  }

  /// What one sample asks of a method: a function, a point and a baseline.
  private func problem(
    _ sample: [Tensor], at index: Int, options: AttributionOptions, baseline: Tensor
  ) throws(ModelError) -> Problem {
    guard baseline.shape == sample[index].shape else {
      throw ModelError(
        "the baseline has shape \(baseline.shape), the input \(sample[index].shape)", kind: .usage)
    }
    guard let layer = options.layer else {
      return try problem(
        model.graph, sample, at: index, layer: nil, options.space, baseline: baseline)
    }
    let value = try model.graph.layer(named: layer)
    let point = try compute(value, from: sample)[0]
    var reference = sample
    reference[index] = baseline
    let start = try compute(value, from: reference)[0]
    let declared = DeclaredType(
      point.elementType, [.symbolic("batch")] + point.shape.dropFirst().map(Dimension.fixed))
    return try problem(
      try model.graph.cut(at: value, declared: declared), sample + [point], at: sample.count,
      layer: layer, options.space, baseline: start)
  }

  private func problem(
    _ graph: Graph, _ inputs: [Tensor], at index: Int, layer: String?, _ space: TargetSpace,
    baseline: Tensor
  ) throws(ModelError) -> Problem {
    let point = inputs[index]
    let rank = graph.declaredType(of: graph.inputs[index])?.dimensions?.count
    let isBatch = rank.map { $0 == point.shape.rank && $0 > 0 } ?? true
    let pointShape = isBatch ? Shape(Array(point.shape.dropFirst())) : point.shape
    let key = FunctionKey(input: index, layer: layer, pointShape: pointShape, space: space)
    let fixed = Dictionary(
      uniqueKeysWithValues: inputs.indices.filter { $0 != index }.map { ($0, inputs[$0]) })
    // Other inputs differ from sample to sample; only a function of one input can be kept.
    let function: ModelFunction
    if fixed.isEmpty, let known = functions[key] {
      function = known
    } else {
      function = try ModelFunction(
        graph, explaining: index, pointShape: pointShape, fixed: fixed, space: space, in: workspace)
      if fixed.isEmpty { functions[key] = function }
    }
    let rows = Shape([1] + pointShape)
    return Problem(
      function: function, space: space, point: point.reshaped(to: rows),
      baseline: baseline.reshaped(to: rows))
  }
}

/// A point of a function and what it is compared with.
private struct Problem {
  let function: ModelFunction
  let space: TargetSpace
  let point: Tensor
  let baseline: Tensor

  func explain(
    _ options: AttributionOptions, _ labels: [String], progress: (Double) throws -> Void
  ) throws -> [Explanation] {
    let clock = ContinuousClock()
    let start = clock.now
    let scores = try function.scores(at: point)[0]
    let targets = try options.targets.map { try $0.index(in: scores, labels) }
    let prediction = clock.now - start
    return try targets.enumerated().map { number, target in
      guard scores[target].isFinite else {
        throw ModelError("score \(target) of this input is \(scores[target]), nothing to explain")
      }
      let start = clock.now
      let (method, map) = try map(options, target) { share in
        try progress((Double(number) + share) / Double(targets.count))
      }
      try map.requireFinite(target: target)
      let seconds = (clock.now - start + prediction / targets.count) / .seconds(1)
      return Explanation(
        target: ExplainedTarget(
          index: target, label: target < labels.count ? labels[target] : nil,
          space: space.description),
        method: method, map: map, seconds: seconds)
    }
  }

  private func map(
    _ options: AttributionOptions, _ target: Int, progress: (Double) throws -> Void
  ) throws -> (Method, AttributionMap) {
    switch options.method {
    case .gradient:
      return (.gradient, try function.gradientMap(at: point, target: target))
    case .inputXGradient:
      let map = try function.gradientMap(at: point, target: target, timesInput: true)
      return (.inputXGradient, map)
    case .xGradient:
      let map = try function.gradientMap(
        at: point, target: target, timesInput: true, dividedBy: try function.requiredDegree())
      return (.xGradient, map)
    case .auto:
      if baseline.isZero, let degree = try function.homogeneity().degree {
        let map = try function.gradientMap(
          at: point, target: target, timesInput: true, dividedBy: degree)
        return (.xGradient, map)
      }
      return (.integratedGradients, try integrate(options, target, progress))
    case .integratedGradients:
      return (.integratedGradients, try integrate(options, target, progress))
    }
  }

  private func integrate(
    _ options: AttributionOptions, _ target: Int, _ progress: (Double) throws -> Void
  ) throws -> AttributionMap {
    try function.integratedGradients(
      at: point, from: baseline, target: target, nodes: options.quadrature.nodes(options.steps),
      progress: progress)
  }
}

extension AttributionMap {
  /// Refuses a map that says nothing.
  fileprivate func requireFinite(target: Int) throws(ModelError) {
    if let baselineScore, !baselineScore.isFinite {
      throw ModelError("score \(target) is \(baselineScore) at the baseline; choose another one")
    }
    guard sum.isFinite else {
      throw ModelError(
        "the gradient of score \(target) is not finite here; try --precision float64")
    }
  }
}

extension Graph {
  /// The value that `--layer` names: a value, or the first output of a node.
  fileprivate func layer(named name: String) throws(ModelError) -> Value {
    let node = nodes.first { $0.name == name }
    guard let value = value(named: name) ?? node?.outputs.first else {
      throw ModelError(
        "the model has no layer '\(name)'; inspect --layers lists them", kind: .usage)
    }
    guard storedConstant(of: value) == nil else {
      throw ModelError("layer '\(name)' is a constant", kind: .usage)
    }
    return value
  }
}

extension Target {
  /// The index of the score that is meant.
  fileprivate func index(in scores: [Double], _ labels: [String]) throws(ModelError) -> Int {
    switch self {
    case .argmax:
      guard let best = scores.indices.max(by: { scores[$0] < scores[$1] }) else {
        throw ModelError("the model has no scores")
      }
      return best
    case .index(let index):
      guard scores.indices.contains(index) else {
        throw ModelError(
          "target \(index) is not one of the model's \(scores.count) scores (0 to "
            + "\(scores.count - 1))", kind: .usage)
      }
      return index
    case .label(let label):
      guard let index = labels.firstIndex(of: label) ?? Self.matching(label, labels) else {
        let hint = labels.isEmpty ? "; name a file of labels with --labels" : ""
        throw ModelError("no label is '\(label)'\(hint)", kind: .usage)
      }
      guard scores.indices.contains(index) else {
        throw ModelError(
          "label '\(label)' is number \(index), the model has \(scores.count) scores", kind: .usage)
      }
      return index
    }
  }

  /// The only label that holds `text` as a whole item of a comma-separated list of names, with or
  /// without a WordNet id in front.
  private static func matching(_ text: String, _ labels: [String]) -> Int? {
    let text = text.lowercased()
    let matches = labels.indices.filter { index in
      let label = labels[index].lowercased()
      let isIdentified = label.range(of: "^n[0-9]{8} ", options: .regularExpression)
      let names = isIdentified.map { String(label[$0.upperBound...]) } ?? label
      return names.split(separator: ",").contains {
        $0.trimmingCharacters(in: .whitespaces) == text
      }
    }
    return matches.count == 1 ? matches[0] : nil
  }
}

extension Model {
  /// Whether the first dimension of an input counts samples.
  func hasBatches(at index: Int) -> Bool {
    guard index < inputs.count, let dimensions = inputs[index].dimensions else { return true }
    return !dimensions.isEmpty
  }
}
