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
    let samples = try samples(of: inputs, at: index)
    return try samples.enumerated().map { number, sample in
      let problem = try problem(
        sample, at: index, options: options, baseline: try baseline(sample[index]))
      return try problem.explain(options, labels) { share in
        try progress((Double(number) + share) / Double(samples.count))
      }
    }
  }

  /// The inputs of each sample: rows of the explained input, with the rows of others that have as
  /// many.
  ///
  /// The whole input is one sample if the model declares no rows or gives a row another output
  /// beside others.
  private func samples(of inputs: [Tensor], at index: Int) throws(ModelError) -> [[Tensor]] {
    let rows = inputs[index].shape.first ?? 1
    guard rows > 1 else {
      for (port, tensor) in zip(model.inputs, inputs) where port.countsSamples {
        try port.requireRows(1, of: tensor)
      }
      return [inputs]
    }
    let parts = (0..<rows).map { row in
      inputs.map { $0.shape.first == rows ? $0.rows(row..<(row + 1)) : $0 }
    }
    guard model.inputs[index].dimensions?.first != 1 else { return parts }
    guard let whole = try? compute(nil, from: inputs).first,
      let first = try? compute(nil, from: parts[0]).first, whole.shape.first == rows,
      first.shape.first == 1, whole.rows(0..<1).isClose(to: first)
    else { return [inputs] }
    for (port, tensor) in zip(model.inputs, inputs)
    where port.countsSamples && tensor.shape.first != 1 {
      try port.requireRows(rows, of: tensor)
    }
    return parts
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
      return try problem(model.graph, sample, at: index, options, baseline: baseline)
    }
    let value = try model.graph.layer(named: layer)
    let point = try compute(value, from: sample)[0]
    var reference = sample
    reference[index] = baseline
    let start = try compute(value, from: reference)[0]
    let dimensions = point.shape.enumerated().map { axis, extent in
      axis == 0 ? Dimension.symbolic("batch") : .fixed(extent)
    }
    let declared = DeclaredType(point.elementType, dimensions)
    return try problem(
      try model.graph.cut(at: value, declared: declared), sample + [point], at: sample.count,
      options, baseline: start)
  }

  private func problem(
    _ graph: Graph, _ inputs: [Tensor], at index: Int, _ options: AttributionOptions,
    baseline: Tensor
  ) throws(ModelError) -> Problem {
    var function = try function(graph, inputs, at: index, options, batching: .whole)
    let integrates: Bool
    switch options.method {
    case .auto where baseline.isZero: integrates = try function.homogeneity().degree == nil
    case .auto, .integratedGradients: integrates = true
    case .gradient, .inputXGradient, .xGradient: integrates = false
    }
    if integrates {
      function = try self.function(graph, inputs, at: index, options, batching: .any)
    }
    let row = Shape([1] + function.pointShape)
    return Problem(
      function: function, space: options.space, point: inputs[index].reshaped(to: row),
      baseline: baseline.reshaped(to: row), shape: inputs[index].shape)
  }

  private func function(
    _ graph: Graph, _ inputs: [Tensor], at index: Int, _ options: AttributionOptions,
    batching: Batching
  ) throws(ModelError) -> ModelFunction {
    let shape = inputs[index].shape
    let key = FunctionKey(
      input: index, layer: options.layer, shape: shape, space: options.space, batching: batching)
    let fixed = Dictionary(
      uniqueKeysWithValues: inputs.indices.filter { $0 != index }.map { ($0, inputs[$0]) })
    // Other inputs differ from sample to sample; only a function of one input can be kept.
    if fixed.isEmpty, let known = functions[key] { return known }
    let function = try ModelFunction(
      graph, explaining: index, shape: shape, fixed: fixed, space: options.space,
      precision: model.precision, batching: batching, in: workspace)
    if fixed.isEmpty { functions[key] = function }
    return function
  }
}

extension ModelPort {
  /// Whether the file leaves the first dimension open or says 1, as it does where that counts samples.
  fileprivate var countsSamples: Bool {
    guard let dimensions, let first = dimensions.first else { return false }
    return first == nil || first == 1
  }

  fileprivate func requireRows(_ rows: Int, of tensor: Tensor) throws(ModelError) {
    guard tensor.shape.first != rows else { return }
    throw ModelError(
      "input '\(name)' is given \(tensor.shape.first ?? 0) rows beside \(rows) of the explained "
        + "input; give it one row, or one for each", kind: .usage)
  }
}

extension Tensor {
  /// Whether the elements are another tensor's but for rounding.
  fileprivate func isClose(to other: Tensor) -> Bool {
    guard shape == other.shape else { return false }
    let a = converted(to: .float64).elements(as: Double.self)
    let b = other.converted(to: .float64).elements(as: Double.self)
    let scale = b.map(abs).max() ?? 0
    return zip(a, b).allSatisfy { abs($0 - $1) <= 1e-4 * scale || $0.isNaN && $1.isNaN }
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
