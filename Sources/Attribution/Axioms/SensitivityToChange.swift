import Graphs
import Tensors

/// Sensitivity (a): where input and baseline differ in one feature and in the score, the feature gets
/// attribution (Sundararajan et al., 2017, section 2.1).
///
/// Of many features and sizes, those are tried at which the gradient says least of the change: where a
/// network saturates. A complete method gives the feature the whole change.
package struct SensitivityToChange: Axiom {
  package static let name = "sensitivity-a"
  package static let summary = "a feature that alone changes the score gets attribution"
  package static let measure = "smallest attribution / change; 0 fails, a complete method gives 1"

  private struct Candidate {
    let feature: Int
    let question: AxiomSubject.Question
    let change: Double
    /// How much of the change the gradient foretells.
    let share: Double
  }

  private let subject: AxiomSubject
  private let candidates: [Candidate]

  /// So many times a feature is as far from the baseline as at the subject's point.
  private static let sizes = [1.0, 4, -4]

  package init(_ subject: AxiomSubject) throws {
    self.subject = subject
    let all = try Self.candidates(of: subject)
    let largest = all.map { abs($0.change) }.max() ?? 0
    let effective = all.filter { abs($0.change) > 1e-3 * largest && abs($0.change) > 1e-9 }
    guard let strongest = effective.max(by: { abs($0.change) < abs($1.change) }) else {
      throw AxiomVerdict.Inapplicable("no single feature that was tried changes the score")
    }
    candidates = effective.sorted { $0.share < $1.share }.prefix(2) + [strongest]
  }

  private static func candidates(of subject: AxiomSubject) throws -> [Candidate] {
    let elements = subject.elements
    var noise = subject.noise("features that change the score")
    let features =
      elements.count <= 32
      ? Array(elements.indices) : (0..<24).map { _ in noise.below(elements.count) }
    let pairs = features.flatMap { feature in sizes.map { (feature, $0) } }
    let baseline = subject.start
    let questions = pairs.map { feature, size in
      var alone = baseline
      let difference = elements[feature] - baseline[feature]
      alone[feature] += (difference == 0 ? 1 : difference) * size
      return subject.question.at(alone)
    }
    let (function, target) = (subject.question.function, subject.question.target)
    let results = try function.gradients(
      at: Tensor(stacking: questions.map(\.point)),
      targets: [Int](repeating: target, count: questions.count))
    let start = subject.scores[target] - subject.change
    return pairs.indices.map { index in
      let feature = pairs[index].0
      let slope = results.gradients.rows(index..<(index + 1)).doubles[feature]
      let change = results.scores[index] - start
      let foretold = slope * (questions[index].point.doubles[feature] - baseline[feature])
      return Candidate(
        feature: feature, question: questions[index], change: change,
        share: abs(foretold / (change == 0 ? 1 : change)))
    }
  }

  package func verdict(on method: Method) throws -> AxiomVerdict {
    var smallest = Double.infinity
    for candidate in candidates {
      let attribution = try subject.map(by: method, of: candidate.question).values
        .doubles[candidate.feature]
      let share = attribution / candidate.change
      guard abs(share) <= subject.tolerance.share else {
        if abs(share) < abs(smallest) { smallest = share }
        continue
      }
      let feature = subject.label(candidate.feature)
      let text =
        "feature \(feature) alone changes the score by \(Axioms.text(candidate.change)) and gets "
        + Axioms.text(attribution)
      if try subject.isRandom(method) {
        let scatter = try subject.sample(by: method, of: candidate.question) {
          $0.values.doubles[candidate.feature] / candidate.change
        }
        if !scatter.agreesWithZero(beside: 1) {
          return .inExpectation(
            scatter.mean, text + " in one map; " + scatter.text(of: "its share"))
        }
      }
      return .fails(share, text)
    }
    return .holds(smallest)
  }
}
