package import Attribution
package import Graphs
package import Kernels
import Tensors

/// One model at work on the samples of an evaluation. Belongs to one thread.
package final class ModelEvaluator {
  /// The name in results.
  package let name: String

  private let number: Int
  private let function: ModelFunction
  private let workspace: Workspace
  private let settings: EvaluationSettings
  private let pixels: PixelLayout?
  private let layer: LayerPoints?
  /// The function's inputs beside the explained one that differ from sample to sample.
  private let followers: Set<Int>
  /// Whether samples cannot share a batch for these.
  private let goesAlone: Bool
  private let maker: MapMaker
  private let stream: ScoreStream
  /// The methods that are defined for this model, and their places in the list.
  private let methods: [(number: Int, choice: Method)]
  private var zeroScores: [Double]?

  /// - Parameters:
  ///   - number: the place in the list of models.
  ///   - function: a function that fills up its batches.
  ///   - pixels: how those of pictures or the places of a layer lie; nil for models of something else.
  ///   - following: for a few samples the model's inputs beside that of the samples that differ from
  ///     sample to sample, each in all ways that were found.
  ///   - layer: makes the function's points from the model's inputs, where it is one of a layer.
  package init(
    name: String, number: Int, function: ModelFunction, workspace: Workspace,
    pixels: PixelLayout?, settings: EvaluationSettings, following: [ModelFunction.Others] = [],
    layer: LayerPoints?
  ) throws(ModelError) {
    self.name = name
    self.number = number
    self.function = function
    self.workspace = workspace
    self.settings = settings
    self.pixels = pixels
    self.layer = layer
    let followers = try function.dependencies(
      among: Set(following.flatMap(\.keys)).union(layer.map { [$0.input] } ?? []))
    self.followers = followers
    if followers.isEmpty {
      goesAlone = false
    } else if let layer, followers.contains(layer.input) {
      goesAlone = true
    } else {
      goesAlone = try !function.stacks(
        following.map { $0.filter { followers.contains($0.key) } })
    }
    function.padsSingles = !goesAlone
    maker = MapMaker(function, seed: settings.seed)
    stream = ScoreStream(function)
    var methods: [(number: Int, choice: Method)] = []
    for (number, method) in settings.methods.enumerated()
    where try maker.applies(
      method, zeroBaseline: settings.hasZeroBaseline && layer?.isZeroAtZero ?? true)
    {
      methods.append((number, method))
    }
    self.methods = methods
  }

  /// The places of the methods that are defined for this model.
  package var methodNumbers: [Int] { methods.map(\.number) }

  /// Samples that run together.
  var batchSize: Int { function.batchSize }

  /// Seconds spent so far in passes of the model.
  package var passSeconds: Double { workspace.runSeconds }

  /// The rule of paths where methods leave it to the model; nil where none does.
  package func usualRule(of methods: [Method]) -> String? {
    for case .automatic(let count)? in methods.map(\.integrationInside) {
      return function.settled(count).ruleName
    }
    return methods.contains(where: \.leavesStepRule) ? function.usualStepRule() : nil
  }

  /// How many scores the model gives.
  package func scoreCount() throws(ModelError) -> Int {
    let zero = Tensor(repeating: 0.0, shape: Shape([1] + function.pointShape))
    let scores = try function.scores(at: zero.converted(to: function.elementType))
    return scores.first?.count ?? 0
  }

  /// A sample whose scores are known, and what methods share with other samples.
  struct BegunSample {
    fileprivate let input: PreparedSample.Input
    fileprivate let point: ExplainedPoint
    fileprivate let scores: [Double]
    fileprivate var maps = BegunMaps()
  }

  /// Scores samples, puts the predictions into their records, and begins their maps.
  ///
  /// - Parameter isStopped: asked between batches; if so, maps are begun no more.
  /// - Returns: nil for samples that failed, as their records say.
  func begin(
    _ samples: [PreparedSample], _ inputs: [PreparedSample.Input], into records: [SampleRecord],
    isStopped: () -> Bool
  ) throws -> [BegunSample?] {
    guard !goesAlone || samples.count == 1 else {
      return try samples.indices.flatMap {
        try begin([samples[$0]], [inputs[$0]], into: [records[$0]], isStopped: isStopped)
      }
    }
    var begun = [BegunSample?](repeating: nil, count: samples.count)
    var placed: [(number: Int, input: PreparedSample.Input)] = []
    for (number, input) in inputs.enumerated() where records[number].failure == nil {
      do {
        placed.append((number, try layer.map(input.placed) ?? input))
      } catch let error as ModelError {
        records[number].failure = error.description
      }
    }
    guard !placed.isEmpty else { return begun }
    let shape = Shape([1] + function.pointShape)
    let points = placed.map { $0.input.point.reshaped(to: shape) }
    let others = placed.map { $0.input.others.filter { followers.contains($0.key) } }
    let scores = try scores(at: points, beside: others, into: placed.map { records[$0.number] })
    for (place, (number, input)) in placed.enumerated() where records[number].failure == nil {
      let (sample, scores) = (samples[number].sample, scores[place])
      let point = ExplainedPoint(
        point: points[place],
        baselines: input.baselines.isEmpty
          ? [points[place].zeros()] : input.baselines.map { $0.reshaped(to: shape) },
        others: others[place], references: input.references.map { $0.reshaped(to: shape) },
        digest: sample.digest,
        target: (settings.explainsLabel ? sample.label : nil) ?? scores.best, scores: scores)
      predict(scores, point.target, sample.label, records[number])
      guard records[number].failure == nil else { continue }
      begun[number] = BegunSample(input: input, point: point, scores: scores)
    }
    let usable = begun.indices.filter { begun[$0] != nil }
    let maps = try maker.begin(
      usable.compactMap { begun[$0]?.point }, for: methods.map(\.choice), isStopped: isStopped)
    for (number, maps) in zip(usable, maps) { begun[number]?.maps = maps }
    return begun
  }

  /// Computes and judges the maps of samples that were begun, and puts what it finds into their records.
  ///
  /// - Parameter isStopped: asked between samples.
  /// - Returns: how many of the samples are complete, from the first on.
  func finish(
    _ begun: [BegunSample?], into records: [SampleRecord], isStopped: () -> Bool
  ) throws -> Int {
    guard !goesAlone || begun.count == 1 else {
      for number in begun.indices {
        let done = try finish([begun[number]], into: [records[number]], isStopped: isStopped)
        if done == 0 || isStopped() { return number + done }
      }
      return begun.count
    }
    // Another model may have refused a sample since.
    let usable = zip(begun, records).compactMap { $1.failure == nil ? $0 : nil }
    let maps = try maker.maps(
      of: usable.map(\.point), usable.map(\.maps), by: methods.map(\.choice),
      isStopped: isStopped)
    var mapIndex = 0
    var complete = 0
    for (sample, record) in zip(begun, records) {
      if let sample, record.failure == nil {
        guard mapIndex < maps.count, complete == 0 || !isStopped() else { break }
        try judge(maps[mapIndex], sample.input, sample.point, sample.scores, into: record)
        mapIndex += 1
      }
      complete += 1
    }
    try stream.flush()
    return complete
  }

  /// The scores of each sample; none, and a failure in its record, where a node refuses its data.
  private func scores(
    at points: [Tensor], beside others: [ModelFunction.Others], into records: [SampleRecord]
  ) throws(ModelError) -> [[Double]] {
    do throws(ModelError) {
      return try function.scores(at: Tensor(stacking: points), beside: others)
    } catch {
      guard error.kind == .badData else { throw error }
      guard points.count == 1 else {
        return try points.indices.map { (number) throws(ModelError) in
          try scores(
            at: [points[number]], beside: [others[number]], into: [records[number]])[0]
        }
      }
      for record in records { record.failure = record.failure ?? error.description }
      return [[]]
    }
  }

  private func predict(
    _ scores: [Double], _ target: Int, _ label: Int?, _ record: SampleRecord
  ) {
    guard scores.allSatisfy(\.isFinite), scores.indices.contains(target) else {
      record.failure = "model '\(name)' gives it scores that are no numbers"
      return
    }
    record.predictions.append(
      .init(model: number, target: target, score: scores[target], best: scores.best))
    guard settings.metrics.contains(.accuracy), let label else { return }
    let rank = Agreement.rank(of: label, in: scores)
    record.values[key("top1")] = rank < 1 ? 100 : 0
    record.values[key("top5")] = rank < 5 ? 100 : 0
  }

  private func key(_ result: String, _ method: Int? = nil) -> SampleRecord.Value {
    SampleRecord.Value(model: number, method: method, result: result)
  }

  private func judge(
    _ maps: [CostedMap], _ input: PreparedSample.Input, _ point: ExplainedPoint,
    _ scores: [Double], into record: SampleRecord
  ) throws {
    if settings.metrics.contains(.contrast) { try contrast(point, into: record) }
    let sensitivity =
      settings.metrics.contains(.maxSensitivity)
      ? try sensitivities(of: maps, point) : [:]
    for ((number, method), map) in zip(methods, maps) {
      record.maps.append(
        .init(
          model: self.number, method: number, values: map.values, passes: map.passes,
          seconds: map.seconds))
      record.values[key("max-sensitivity", number)] = sensitivity[number]
      let judgement = MapJudgement(
        map: map.values, method: method, point: point, input: input, score: scores[point.target],
        baselineScore: try baselineScore(of: point, map, method), pixels: pixels, stream: stream,
        settings: settings)
      try judgement.judge(first: maps.first?.values, isFirst: number == methods.first?.number) {
        [key = key(_:_:)] result, value, curve in
        record.values[key(result, number)] = value
        if let curve { record.curves[key(result, number)] = curve }
      }
    }
  }

  /// The score that a map's sum should start from, where completeness compares with it: what the method
  /// itself starts from, else the mean score at the baselines; nil for maps that promise no sum.
  private func baselineScore(
    of point: ExplainedPoint, _ map: CostedMap, _ method: Method
  ) throws(ModelError) -> Double? {
    guard settings.metrics.contains(.completeness), method.rule.addsUp else { return nil }
    if let start = map.start { return start }
    let isCommon = settings.hasZeroBaseline && followers.isEmpty
    if isCommon, let zeroScores { return zeroScores[point.target] }
    let scores = try function.scores(
      at: Tensor(stacking: point.baselines), beside: point.baselines.map { _ in point.others })
    if isCommon { zeroScores = scores.first }
    return scores.reduce(0) { $0 + $1[point.target] } / Double(max(scores.count, 1))
  }

  private func contrast(_ point: ExplainedPoint, into record: SampleRecord) throws(ModelError) {
    guard let label = settings.labels[record.index] ?? nil else { return }
    let key = key("contrast")
    let curve = Collector(count: Curve.contrasts.count) { curve in
      record.curves[key] = curve
      record.values[key] = curve.reduce(0, +) / Double(curve.count)
    }
    for factor in Curve.contrasts {
      let faint = Tensor(point.point.doubles.map { $0 * factor }, shape: point.point.shape)
      try stream.add(faint.converted(to: point.point.elementType), beside: point.others) {
        curve.add($0.best == label ? 100 : 0)
      }
    }
  }

  /// For each method the largest change of its map, relative to the map, when every element of the
  /// point moves by .02 at most: 10 tries (Yeh et al., 2019, arXiv 1901.09392).
  private func sensitivities(
    of maps: [CostedMap], _ point: ExplainedPoint
  ) throws -> [Int: Double] {
    var noise = SampleNoise(seed: settings.seed, digest: point.digest, purpose: "max-sensitivity")
    let moved = (0..<10).map { _ in
      let elements = point.point.doubles.map { $0 + 0.02 * (2 * noise.uniform() - 1) }
      return point.moved(
        to: Tensor(elements, shape: point.point.shape).converted(to: point.point.elementType))
    }
    let judged = zip(methods, maps).filter { !($0.0.choice.rule is RandomAttribution) }
    let choices = judged.map(\.0.choice)
    let begun = try maker.begin(moved, for: choices)
    let movedMaps = try maker.maps(of: moved, begun, by: choices)
    var sensitivities: [Int: Double] = [:]
    for (place, (method, map)) in judged.enumerated() {
      let values = map.values.doubles
      let size = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
      guard size > 0 else { continue }
      sensitivities[method.number] = movedMaps.map { maps in
        zip(maps[place].values.doubles, values).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
          .squareRoot() / size
      }.max()
    }
    return sensitivities
  }
}
