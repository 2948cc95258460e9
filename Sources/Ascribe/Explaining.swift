import Attribution
import Foundation
import Graphs
public import Tensors

extension ModelSession {
  /// Explains every row of a batch.
  ///
  /// - Parameters:
  ///   - inputs: one tensor per input of the model; the explained one is a batch, the others have
  ///     one row.
  ///   - index: which of the inputs is explained.
  ///   - labels: the names of the scores, for targets given by label.
  ///   - baselines: for one row of the explained input, rows to compare it with.
  ///   - baselineNames: what reports call them.
  ///   - progress: told of the share that is done; what it throws ends the run.
  /// - Returns: for each row its explanations, one per target; a target that comes in every row to a score
  ///   of a target before it has none.
  /// - Throws: `ModelError` if an option makes no sense for this model or a node has no gradient.
  public func explain(
    _ inputs: [Tensor], at index: Int = 0, options: AttributionOptions = AttributionOptions(),
    labels: [String] = [], baselines: (Tensor) throws -> [Tensor] = { [$0.zeros()] },
    baselineNames: [String] = [], progress: @escaping (Double) throws -> Void = { _ in }
  ) throws -> [[Explanation]] {
    do {
      guard index < inputs.count else {
        throw ModelError("the model has no input \(index)", kind: .usage)
      }
      let names = model.classNames(labels, in: options.space)
      let targets = try TargetIndices(options.targets, labels: names)
      let samples = try samples(of: inputs, at: index)
      let named = try samples.enumerated().map { number, sample in
        try explanations(
          of: sample, at: index, options, targets, try baselines(sample[index]), baselineNames
        ) { share in
          try progress((Double(number) + share) / Double(samples.count))
        }
      }
      return Self.withoutRepetitions(named)
    } catch let error as ModelError {
      throw error.inFile(model.url.relativePath)
    }
  }

  /// The explanations of a sample, by name.
  private struct NamedExplanations {
    /// One for each name; names of one score share theirs.
    let explanations: [Explanation]
    /// For each name the number of its score.
    let scores: [Int]

    /// The place of the first name of the score that this one means.
    func first(like place: Int) -> Int { scores.firstIndex(of: scores[place]) ?? place }
  }

  /// The explanations without the names that mean in every sample what others before them mean; all
  /// samples keep the same names, so that their maps can be stacked.
  private static func withoutRepetitions(_ samples: [NamedExplanations]) -> [[Explanation]] {
    let names = samples.first?.scores.indices ?? 0..<0
    let kept = names.filter { name in samples.contains { $0.first(like: name) == name } }
    return samples.map { sample in
      kept.map { name in
        let others = names.filter {
          $0 != name && !kept.contains($0) && sample.scores[$0] == sample.scores[name]
        }
        var explanation = sample.explanations[name]
        if sample.first(like: name) == name {
          explanation.otherNames = others.map { sample.explanations[$0].name }
        }
        return explanation
      }
    }
  }

  /// What the options ask of one sample.
  private func explanations(
    of sample: [Tensor], at index: Int, _ options: AttributionOptions, _ targets: TargetIndices,
    _ baselines: [Tensor], _ baselineNames: [String],
    progress: @escaping (Double) throws -> Void
  ) throws -> NamedExplanations {
    let clock = ContinuousClock()
    let start = clock.now
    let question = try question(sample, at: index, options, targets, baselines)
    let point = question.point
    var scoreCount = 0
    var choice = TargetIndices.Choice()
    var problem = Problem(
      question.function, at: point, baseline: question.baselines.first ?? point.zeros(),
      randomness: Problem.Randomness(seed: options.seed),
      targets: { (scores) throws(ModelError) in
        scoreCount = scores.count - targets.margins.count
        choice = try targets.choice(in: scores)
        return choice.scores
      }, progress: progress)
    problem.targetCount = targets.count
    let (method, maps) = try options.method.maps(of: problem, from: question.baselines)
    let seconds = (clock.now - start) / .seconds(1) / Double(max(maps.count, 1))
    let explanations = zip(choice.numbers, targets.names).map { number, name in
      let result = maps[number]
      return Explanation(
        name: name,
        target: targets.explained(
          result.target, scoreCount: scoreCount, space: options.space),
        omittedNode: question.function.omittedNode, method: method,
        map: method.attributedLayer == nil
          ? result.map.reshaped(to: question.shape) : result.map,
        baselineNames: baselineNames, seconds: seconds)
    }
    return NamedExplanations(explanations: explanations, scores: choice.numbers)
  }

  /// The inputs of each sample: rows of the explained input, with the rows of others that have as
  /// many.
  ///
  /// The whole input is one sample if the model declares no rows or gives a row another output
  /// beside others.
  func samples(of inputs: [Tensor], at index: Int) throws(ModelError) -> [[Tensor]] {
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
      let first = try? computeOne(nil, from: parts[0]), whole.shape.first == rows,
      first.shape.first == 1, whole.rows(0..<1).isClose(to: first)
    else { return [inputs] }
    for (port, tensor) in zip(model.inputs, inputs)
    where port.countsSamples && tensor.shape.first != 1 {
      try port.requireRows(rows, of: tensor)
    }
    return parts
  }

  /// A function, a point of it and what that is compared with.
  private struct Question {
    let function: ModelFunction
    let point: Tensor
    let baselines: [Tensor]
    /// The shape of the sample as the model takes it.
    let shape: Shape
  }

  private func question(
    _ sample: [Tensor], at index: Int, _ options: AttributionOptions, _ targets: TargetIndices,
    _ baselines: [Tensor]
  ) throws(ModelError) -> Question {
    for baseline in baselines where baseline.shape != sample[index].shape {
      throw ModelError(
        "the baseline has shape \(baseline.shape), the input \(sample[index].shape)", kind: .usage)
    }
    guard let layer = options.layer else {
      return try question(model.graph, sample, at: index, options, targets, baselines)
    }
    let rest = try rest(from: layer, of: sample, at: index, baselines: baselines)
    try model.graph.requireScores(options.space, behind: layer, in: rest.graph)
    if let inner = options.method.namedLayer {
      try model.graph.requireLayer(inner, behind: layer, in: rest.graph)
    }
    return try question(
      rest.graph, rest.inputs, at: sample.count, options, targets, rest.baselines)
  }

  private func question(
    _ graph: Graph, _ inputs: [Tensor], at index: Int, _ options: AttributionOptions,
    _ targets: TargetIndices, _ baselines: [Tensor]
  ) throws(ModelError) -> Question {
    func question(_ batching: Batching) throws(ModelError) -> Question? {
      let function = try function(graph, inputs, at: index, options, targets, batching)
      guard function.pointShape.elementCount == inputs[index].elementCount else { return nil }
      let row = Shape([1] + function.pointShape)
      return Question(
        function: function, point: inputs[index].reshaped(to: row),
        baselines: baselines.map { $0.reshaped(to: row) }, shape: inputs[index].shape)
    }
    let isOneOfSeveral = inputs[index].shape.first == 1 && graph.batch(ofInput: index) > 1
    guard let alone = try question(isOneOfSeveral ? .any : .whole) else {
      throw ModelError("a sample is not of the input's shape", kind: .fault)
    }
    guard !isOneOfSeveral else { return alone }
    for baseline in alone.baselines {
      let problem = Problem(alone.function, at: alone.point, baseline: baseline) { _ in [] }
      if try options.method.rule.resolved(for: problem).evaluatesManyPoints {
        return try question(.any) ?? alone
      }
    }
    return alone
  }

  private func function(
    _ graph: Graph, _ inputs: [Tensor], at index: Int, _ options: AttributionOptions,
    _ targets: TargetIndices, _ batching: Batching
  ) throws(ModelError) -> ModelFunction {
    let shape = inputs[index].shape
    let key = FunctionKey(
      input: index, layer: options.layer, shape: shape, space: options.space,
      margins: targets.margins, batching: batching)
    let fixed = Dictionary(
      uniqueKeysWithValues: inputs.indices.filter { $0 != index }.map { ($0, inputs[$0]) })
    // Other inputs differ from sample to sample; only a function of one input can be kept.
    if fixed.isEmpty, let known = functions[key] { return known }
    let function = try ModelFunction(
      graph, explaining: index, shape: shape, explainsLayer: options.layer != nil, fixed: fixed,
      space: options.space, margins: targets.margins, precision: model.precision,
      batching: batching, example: inputs[index], in: workspace)
    if fixed.isEmpty { functions[key] = function }
    return function
  }
}

extension Graph {
  /// How many samples an input is declared for; 1 where that is open.
  func batch(ofInput index: Int) -> Int {
    guard case .fixed(let extent)? = declaredType(of: inputs[index])?.dimensions?.first else {
      return 1
    }
    return extent
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

extension Model {
  /// The names of the scores of a target space: those of the classes at the first output, none elsewhere.
  public func classNames(_ labels: [String], in space: TargetSpace) -> [String] {
    guard case .output(let name) = space else { return labels }
    return outputs.first?.name == name ? labels : []
  }
}
