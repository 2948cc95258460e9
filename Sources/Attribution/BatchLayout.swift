package import Graphs
package import Tensors

/// What the first dimension of the input of a model means.
enum BatchLayout {
  /// It counts samples, any number of them.
  case free
  /// It counts samples, exactly so many.
  case fixed(Int)
  /// It is one like the others: a point is the whole input.
  case whole

  /// The fewest rows that the model takes at once.
  var smallestBatch: Int {
    if case .fixed(let extent) = self { extent } else { 1 }
  }
}

/// How many samples of a model run together.
package enum Batching: Sendable {
  /// The sample itself is the whole input: enough for methods of one pass.
  case whole
  /// As many as there are, up to the number that costs least each.
  case any
  /// Always that number, the last batch filled up: what a row gives depends on no number of others.
  case padded
}

/// A file does not say whether the first dimension of an input counts samples: many declare batches of
/// one and take more, some mix the rows, some have no batches at all. So the model is asked, unless its
/// operators tell.
extension ModelFunction {
  private static let largestBatch = 32

  /// Whether the first dimension of the explained input counts samples.
  package var hasBatches: Bool {
    if case .whole = layout { false } else { true }
  }

  /// Whether it counts samples, any number of them.
  package var takesAnyBatch: Bool {
    if case .free = layout { true } else { false }
  }

  /// The first sample of an input of the model: a batch of one row.
  package func firstPoint(of input: Tensor) -> Tensor {
    (hasBatches ? input.rows(0..<1) : input).reshaped(to: Shape([1] + pointShape))
  }

  /// The rows nearest to this many that the model takes at once.
  package func rowsTaken(for count: Int) -> Int {
    switch layout {
    case .free: count
    case .fixed(let extent): extent
    case .whole: 1
    }
  }

  /// Finds out whether the first dimension counts samples and how many fit the memory limit.
  func findBatches(_ memoryLimit: Int, _ dimensions: [Dimension]?) throws(ModelError) {
    let whole = pointShape
    guard whole.rank > 0 else { return }
    pointShape = Shape(Array(whole.dropFirst()))
    if case .fixed(let extent)? = dimensions?.first, extent > 1 {
      layout = .fixed(extent)
      batchSize = extent
      if rowsAreKnown(extent) || rowsAreIndependent(extent) { return }
    } else {
      layout = .free
      if rowsAreKnown(2) || rowsAreIndependent(2) {
        batchSize = try largestBatch(within: memoryLimit)
        return
      }
    }
    layout = .whole
    pointShape = whole
    batchSize = 1
    forwardPlans.removeAll()
  }

  /// A power of two, which divides the usual numbers of steps.
  ///
  /// Fewer rows than 16 read weights too often: 8 cost VGG16 a tenth of its time. More pay only while a
  /// batch has more weights to read than intermediate values, as with large fully connected layers.
  private func largestBatch(within memoryLimit: Int) throws(ModelError) -> Int {
    let graph = try differentiated(rows: 2)
    let bytes = max(graph.peakBytes / 2, 1)
    let weights = graph.values.reduce(0) { sum, value in
      sum + (graph.storedConstant(of: value)?.byteCount ?? 0)
    }
    var size = Self.largestBatch
    while size > 1, size * bytes > memoryLimit || (size > 16 && size * bytes > weights) {
      size /= 2
    }
    return size
  }

  /// Whether the operators of the model say that a row scores the same in each place of a batch, as those of
  /// convolutional networks do.
  private func rowsAreKnown(_ extent: Int) -> Bool {
    guard otherInputs(rows: extent).isEmpty, let graph = try? specialized(rows: extent),
      graph.inputs.count == 1
    else { return false }
    return graph.treatsRowsAlike(extent, from: graph.inputs[0])
  }

  /// Whether a row scores the same in each place of a batch, whatever stands beside it.
  ///
  /// Scores that are not finite say nothing, wherever they stand: other points are tried then.
  private func rowsAreIndependent(_ extent: Int) -> Bool {
    var isSeen = false
    for points in trialPoints {
      let rows = (1...3).map { points.rows(1, of: self, seed: $0) }
      let fillers = Array(repeating: rows[2], count: extent - 2)
      guard let scores = batchScores(Tensor(stacking: [rows[0], rows[1]] + fillers)),
        let moved = batchScores(Tensor(stacking: [rows[2], rows[0]] + fillers)),
        let finite = Self.agreement(scores[0], moved[1])
      else { return false }
      guard finite > 0 else { continue }
      if !isSeen || finite == scores[0].count { trial = points }
      isSeen = true
      if finite == scores[0].count { return true }
    }
    isUndefined = !isSeen
    return isSeen
  }

  /// Makes batches of one row if a row's scores or gradient depend, in their last bits, on its place in
  /// a batch or on its neighbours.
  package func makeRowsExact() throws(ModelError) {
    guard case .free = layout, batchSize > 1 else { return }
    let points = trial.rows(batchSize, of: self, seed: 4)
    let moved = Tensor(stacking: [points.rows(1..<batchSize), points.rows(0..<1)])
    let targets = [Int](repeating: 0, count: batchSize)
    let there = try (scores(at: points), gradients(at: points, targets: targets).gradients)
    let back = try (scores(at: moved), gradients(at: moved, targets: targets).gradients)
    let isExact = (0..<batchSize).allSatisfy { row in
      let place = (row + batchSize - 1) % batchSize
      return Self.isSame(there.0[row], back.0[place])
        && Self.isSame(
          there.1.rows(row..<(row + 1)).doubles, back.1.rows(place..<(place + 1)).doubles)
    }
    if !isExact { batchSize = 1 }
  }

  /// Whether points of several samples give the same, bit for bit, in one batch as each in a batch of its
  /// own.
  ///
  /// - Parameter others: what samples have in the place of the inputs that are held, where it differs.
  package func stacks(_ others: [Others]) throws(ModelError) -> Bool {
    guard batchSize > 1, others.count > 1 else { return true }
    let points = trial.rows(others.count, of: self, seed: 5)
    let rows = others.enumerated().compactMap { number, others in
      let point = points.rows(number..<(number + 1))
      // A row that a node refuses says nothing about the others.
      return (try? results(at: point, beside: [others])[0]).map { (point, others, alone: $0) }
    }
    guard rows.count > 1 else { return false }
    let batch = (0..<batchSize).map { rows[$0 % rows.count] }
    let together = try results(at: Tensor(stacking: batch.map(\.0)), beside: batch.map(\.1))
    return zip(batch, together).allSatisfy {
      Self.isSame($0.alone.scores, $1.scores) && Self.isSame($0.alone.gradient, $1.gradient)
    }
  }

  /// The scores of each point and the gradient of its first one.
  private func results(
    at points: Tensor, beside others: [Others]
  ) throws(ModelError) -> [(scores: [Double], gradient: [Double])] {
    let scores = try scores(at: points, beside: others)
    let gradients = try gradients(
      at: points, targets: scores.map { _ in 0 }, beside: others
    ).gradients
    return scores.enumerated().map { ($1, gradients.rows($0..<($0 + 1)).doubles) }
  }

  /// The scores of each row; nil if the model does not take such a batch or gives no row for each.
  private func batchScores(_ points: Tensor) -> [[Double]]? {
    let count = points.shape[0]
    guard let output = try? forwardInterpreter(rows: count).run(inputs(points))[0],
      output.shape.first == count, output.elementCount > 0
    else { return nil }
    return scores(in: output, rows: count)
  }

  func noise(rows: Int, seed: UInt64) -> Tensor {
    TrialPoints.noise.rows(rows, of: self, seed: seed)
  }

  /// The kinds of points to try, from the most to the least usual.
  private var trialPoints: [TrialPoints] {
    [.noise, .positive] + (example.map { $0.isZero ? [] : [.near($0)] } ?? [])
  }

  private static func isSame(_ a: [Double], _ b: [Double]) -> Bool {
    a.count == b.count && zip(a, b).allSatisfy { $0 == $1 || $0.isNaN && $1.isNaN }
  }

  /// How many scores are finite, where those agree and the others are the same.
  private static func agreement(_ a: [Double], _ b: [Double]) -> Int? {
    let scale = b.filter(\.isFinite).map(abs).max() ?? 0
    guard a.count == b.count,
      zip(a, b).allSatisfy({ $0 == $1 || $0.isNaN && $1.isNaN || abs($0 - $1) <= 1e-4 * scale })
    else { return nil }
    return a.count(where: \.isFinite)
  }
}
