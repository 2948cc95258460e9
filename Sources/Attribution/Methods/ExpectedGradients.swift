package import Graphs
package import Tensors

/// The mean over other samples x' and numbers a in 0...1 of (x - x') times the gradient at x' + a(x - x')
/// (Erion et al., 2021, arXiv 1906.10670).
package struct ExpectedGradients: AttributionMethod {
  package static let name = "expected-gradients"
  package static let title = "Expected Gradients"
  package static let summary = "ig from many samples, at a random point for each."
  package static let usage = "[:SAMPLES]"
  package static let countName = "sample"

  /// Points at which the gradient is evaluated.
  package let samples: Int

  package init(_ settings: inout MethodSettings) throws(ModelError) {
    samples = try settings.count(in: 1...Self.largestCount) ?? Self.largestCount
  }

  /// All references may lie in memory at once.
  private static let largestCount = 64

  package var settings: String { ":\(samples)" }
  package var readsBaseline: Bool { true }
  package var evaluatesManyPoints: Bool { true }
  package var drawsNumbers: Bool { true }

  package func maps(of problem: Problem) throws -> [TargetedMap] {
    try problem.mapped { target, _ in
      try Self.values(of: [(problem, target)], samples)[0]
    }
  }

  /// The maps of one score each of several problems of one function, whose points run together.
  package static func values(
    of problems: [(problem: Problem, target: Int)], _ samples: Int
  ) throws(ModelError) -> [Tensor] {
    guard let function = problems.first?.problem.function else { return [] }
    var sums = problems.map { [Double](repeating: 0, count: $0.problem.point.elementCount) }
    var noises = problems.map { $0.problem.randomness.noise("expected gradients") }
    let pairs = problems.indices.flatMap { problem in (0..<samples).map { (problem, $0) } }
    for first in stride(from: 0, to: pairs.count, by: function.batchSize) {
      let batch = pairs[first..<min(first + function.batchSize, pairs.count)]
      var between: [Tensor] = []
      var differences: [[Double]] = []
      for (place, sample) in batch {
        let problem = problems[place].problem
        guard !problem.references.isEmpty else {
          throw ModelError(
            "expected-gradients compares with other samples; name a folder of some with --baseline",
            kind: .usage)
        }
        let reference = problem.references[sample % problem.references.count].doubles
        let share = noises[place].uniform()
        let difference = zip(problem.point.doubles, reference).map { $0 - $1 }
        between.append(
          Tensor(
            zip(reference, difference).map { $0 + share * $1 }, shape: problem.point.shape
          ).converted(to: problem.point.elementType))
        differences.append(difference)
      }
      let gradients = try function.gradients(
        at: Tensor(stacking: between), targets: batch.map { problems[$0.0].target },
        beside: batch.map { problems[$0.0].problem.others }
      ).gradients
      for (row, (place, _)) in batch.enumerated() {
        let gradient = gradients.rows(row..<(row + 1)).doubles
        for index in gradient.indices {
          sums[place][index] += gradient[index] * differences[row][index] / Double(samples)
        }
      }
    }
    return sums.map { Tensor($0, shape: function.pointShape) }
  }
}
