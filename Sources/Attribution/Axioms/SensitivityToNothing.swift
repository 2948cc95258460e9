import Graphs
import Rewrites
import Tensors

/// Sensitivity (b), the dummy axiom: a feature that the function does not depend on gets exactly zero
/// (Sundararajan et al., 2017, section 3).
///
/// The input gets one element more along its last dimension, full of noise, which the graph drops.
package struct SensitivityToNothing: Axiom {
  package static let name = "sensitivity-b"
  package static let summary = "features that the graph drops get exactly zero"
  package static let measure = "largest attribution there / largest of all"

  private let subject: AxiomSubject
  private let question: AxiomSubject.Question
  private let dropped: [Int]

  package init(_ subject: AxiomSubject) throws {
    guard let extent = subject.shape.dimensions.last else {
      throw AxiomVerdict.Inapplicable("the input is a single number")
    }
    self.subject = subject
    let graph = try subject.graph.wideningInput(subject.explained, from: extent)
    let (elements, baseline) = (subject.elements, subject.start)
    var noise = subject.noise("features that are dropped")
    var (widened, start): ([Double], [Double]) = ([], [])
    var dropped: [Int] = []
    for from in stride(from: 0, to: elements.count, by: extent) {
      widened += elements[from..<(from + extent)]
      dropped.append(widened.count)
      widened.append(noise.normal())
      start += baseline[from..<(from + extent)] + [0]
    }
    let shape = Shape(subject.shape.dimensions.dropLast() + [extent + 1])
    self.dropped = dropped
    question = try subject.question(
      of: graph, at: Tensor(widened, shape: shape).converted(to: subject.elementType),
      from: Tensor(start, shape: shape).converted(to: subject.elementType))
  }

  package func verdict(on method: Method) throws -> AxiomVerdict {
    let values = try subject.map(by: method, of: question).values.doubles
    let worst = dropped.max { abs(values[$0]) < abs(values[$1]) } ?? 0
    guard values[worst] != 0 else { return .holds(0) }
    let largest = values.map(abs).max() ?? 1
    let feature = subject.label(worst, in: question.function.pointShape)
    return .fails(
      abs(values[worst]) / largest,
      "feature \(feature), which the graph drops, gets \(Axioms.text(values[worst]))")
  }
}
