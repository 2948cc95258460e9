import Graphs
import Rewrites
import Tensors

/// Networks of one function get one map (Sundararajan et al., 2017, section 2.2).
///
/// The model is compared with its folded form and with rewrites that keep the function: layers split in
/// two, rectified earlier, rectifiers repeated.
package struct ImplementationInvariance: Axiom {
  package static let name = "implementation"
  package static let summary =
    "the model folded, its layers split, its ReLUs moved or repeated gets one map"
  package static let measure = "relative distance of the maps"

  private struct Variant {
    let name: String
    let question: AxiomSubject.Question
  }

  private let subject: AxiomSubject
  private let variants: [Variant]

  package init(_ subject: AxiomSubject) throws {
    let plain = try subject.graph.foldingParameters(in: subject.workspace)
    let folded = try plain.foldingBatchNormalization().withoutDeadNodes()
    let rewrites: [(name: String, graph: Graph)] = [
      ("folded", folded), ("with layers split", try folded.splittingLayers()),
      ("rectified earlier", try folded.rectifyingEarly()),
      ("with ReLUs repeated", try folded.repeatingRectifiers(subject.elementType)),
    ]
    var variants: [Variant] = []
    for (name, graph) in subject.equivalents + rewrites {
      let base = name == "folded" ? plain : folded
      let isOther = subject.equivalents.contains { $0.name == name }
      guard isOther || graph.nodes.count != base.nodes.count else { continue }
      let question = try subject.question(of: graph)
      let scores = try question.function.scores(at: question.point)[0]
      let (error, worst) = Axioms.distance(scores, subject.scores)
      guard error <= max(subject.tolerance.sum, 1e-6) else {
        throw ModelError(
          "the model \(name) gives score \(worst) as \(scores[worst]), not \(subject.scores[worst])",
          kind: .fault)
      }
      variants.append(Variant(name: name, question: question))
    }
    guard !variants.isEmpty else {
      throw AxiomVerdict.Inapplicable("the model has no layer or ReLU to rewrite")
    }
    self.subject = subject
    self.variants = variants
  }

  package func verdict(on method: Method) throws -> AxiomVerdict {
    let original = try subject.map(by: method).values.doubles
    var largest = 0.0
    for variant in variants {
      let values = try subject.map(by: method, of: variant.question).values.doubles
      let (error, worst) = Axioms.distance(values, original)
      largest = max(largest, error)
      guard error > subject.tolerance.map else { continue }
      return .fails(
        error,
        "feature \(subject.label(worst)) gets \(Axioms.text(original[worst])), and "
          + "\(Axioms.text(values[worst])) in the same function \(variant.name)")
    }
    return .holds(largest)
  }
}
