import Graphs

/// Attributions add up to what the score changes by from the baseline
/// (Sundararajan et al., 2017, proposition 1).
package struct Completeness: Axiom {
  package static let name = "completeness"
  package static let summary = "attributions add up to the change of the score from the baseline"
  package static let measure = "|sum - change| / |change|"

  private let subject: AxiomSubject

  /// No integral is computed with more steps to see whether it converges.
  private static let mostSteps = 16_384

  package init(_ subject: AxiomSubject) { self.subject = subject }

  package func verdict(on method: Method) throws -> AxiomVerdict {
    let map = try subject.map(by: method)
    let (change, isWhole) = change(of: map, method)
    let error = relativeError(map, of: change)
    let tolerance = subject.tolerance
    let integral = method.integration
    if error <= (integral == nil ? tolerance.sum : tolerance.integral) { return .holds(error) }
    if let integral, let steps = integral.count {
      // A sum over steps comes to the integral as they grow.
      for count in [4 * steps, 16 * steps, 2048] where steps < count && count <= Self.mostSteps {
        let finer = Method(IntegratedGradients(integral.taking(count)))
        let error = relativeError(try subject.map(by: finer, of: subject.question), of: change)
        if error <= tolerance.integral { return .holds(error) }
      }
    }
    let said =
      isWhole
      ? "the score is \(Axioms.text(change))" : "the score changes by \(Axioms.text(change))"
    if try subject.isRandom(method) {
      let scatter = try subject.sample(by: method) { $0.sum - change }
      if scatter.agreesWithZero(beside: change) {
        return .inExpectation(
          abs(scatter.mean / change),
          "one map adds up to \(Axioms.text(map.sum)), \(said); "
            + scatter.text(of: "the difference"))
      }
    }
    return .fails(error, "attributions add up to \(Axioms.text(map.sum)), \(said)")
  }

  /// What a map should add up to: where its method adds up, the change from where the map says that it
  /// starts, or the whole score if it compares with nothing; else the subject's change.
  private func change(
    of map: AttributionMap, _ method: Method
  ) -> (change: Double, isWhole: Bool) {
    guard method.addsUp else { return (subject.change, false) }
    guard let start = map.baselineScore else { return (map.score, true) }
    return (map.score - start, false)
  }

  private func relativeError(_ map: AttributionMap, of change: Double) -> Double {
    map.sum == change ? 0 : abs((map.sum - change) / change)
  }
}
