import Graphs
package import Tensors

extension Method {
  /// The maps of a problem from each of several baselines, averaged; one that uses none ignores them.
  ///
  /// - Parameter baselines: batches of one row, one at least.
  /// - Returns: the method that it came to, and a map for each target.
  /// - Throws: `ModelError` if a map is not finite.
  package func maps(
    of problem: Problem, from baselines: [Tensor]
  ) throws -> (method: Method, maps: [TargetedMap]) {
    guard let first = baselines.first else {
      throw ModelError("there is no baseline", kind: .usage)
    }
    var problem = problem
    problem.baseline = first
    problem.references = baselines
    // A choice between methods is made for all baselines together.
    var rule = try rule.resolved(for: problem)
    for baseline in baselines.dropFirst() {
      var other = problem
      other.baseline = baseline
      let choice = try self.rule.resolved(for: other)
      if type(of: choice) != type(of: rule), choice.usesBaseline { rule = choice }
    }
    let compared = rule.usesBaseline ? baselines : [first]
    let progress = problem.progress
    var results: [[TargetedMap]] = []
    for (number, baseline) in compared.enumerated() {
      problem.baseline = baseline
      problem.progress = { try progress((Double(number) + $0) / Double(compared.count)) }
      let maps = try rule.maps(of: problem)
      for result in maps { try result.map.requireFinite(target: result.target) }
      if rule is XGradient { for result in maps { try XGradient.requireEuler(result.map) } }
      results.append(maps)
    }
    guard results.count > 1 else { return (Method(rule), results[0]) }
    let means = results[0].indices.map { index in
      TargetedMap(
        target: results[0][index].target,
        map: AttributionMap(meanOf: results.map { $0[index].map }))
    }
    return (Method(rule), means)
  }
}

extension AttributionMap {
  /// Refuses a map that says nothing.
  fileprivate func requireFinite(target: Int) throws(ModelError) {
    if let baselineScore, !baselineScore.isFinite {
      let score = baselineScore.isNaN ? "nan" : "\(baselineScore)"
      throw ModelError("score \(target) is \(score) at the baseline; choose another one")
    }
    guard sum.isFinite else {
      throw ModelError(
        "the gradient of score \(target) is not finite here; try --precision float64")
    }
  }
}
