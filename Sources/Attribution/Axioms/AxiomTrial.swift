import Graphs

/// One method tried by one axiom on one subject.
package struct AxiomResult: Sendable {
  /// The name of the subject.
  package let subject: String
  package let method: Method
  /// The name of the axiom.
  package let axiom: String
  package let verdict: AxiomVerdict
  /// Whether the method has the axiom by its definition.
  package let isPromised: Bool
}

extension AxiomSubject {
  /// Every method tried by every axiom.
  ///
  /// Each axiom has its share of the time, and what others left of theirs; methods that evaluate the model
  /// at many points are not tried beyond it, the others until all time is over.
  ///
  /// - Parameters:
  ///   - isOver: asked before each test whether this share of the time is over.
  ///   - progress: told how many tests are done of how many.
  /// - Throws: `ModelError` of kind `fault` if this program is wrong; what the progress throws.
  package func trial(
    of methods: [Method], isOver: (_ share: Double) -> Bool = { _ in false },
    progress: (_ done: Int, _ all: Int) throws -> Void = { _, _ in }
  ) throws -> [AxiomResult] {
    let axioms = AxiomRegistry.axioms
    let order = methods.sorted { !$0.rule.evaluatesManyPoints && $1.rule.evaluatesManyPoints }
    var results: [AxiomResult] = []
    for (place, axiom) in axioms.enumerated() {
      let share = Double(place + 1) / Double(axioms.count)
      var prepared: Result<any Axiom, any Error>?
      for method in order {
        var verdict = AxiomVerdict(outcome: .notTried, explanation: "time ran out")
        if !isOver(method.rule.evaluatesManyPoints ? share : 1) {
          let known = prepared ?? Result { try axiom.init(self) }
          prepared = known
          verdict = try self.verdict(on: method) { try known.get().verdict(on: method) }
        }
        results.append(
          AxiomResult(
            subject: name, method: method, axiom: axiom.name, verdict: verdict,
            isPromised: AxiomPromises.includes(axiom, of: method)))
        try progress(results.count, axioms.count * methods.count)
      }
    }
    return results
  }

  private func verdict(
    on method: Method, _ body: () throws -> AxiomVerdict
  ) throws -> AxiomVerdict {
    do {
      // A method that is not defined for the model itself has no verdict, whatever the axiom.
      _ = try map(by: method)
      return try body()
    } catch let error as AxiomVerdict.Inapplicable {
      return AxiomVerdict(outcome: .notApplicable, explanation: error.reason)
    } catch let error as ModelError where error.kind != .fault {
      return AxiomVerdict(outcome: .notDefined, explanation: error.reason)
    }
  }
}
