import Graphs
import Rewrites
import Tensors

/// Features that may change places and are equal get equal attributions
/// (Sundararajan et al., 2017, section 4).
///
/// The graph is F(x) + F(Px), where P swaps the two features that matter most and the point has their
/// mean in both places.
package struct Symmetry: Axiom {
  package static let name = "symmetry"
  package static let summary =
    "equal features of F(x) + F(x with both swapped) get equal attributions"
  package static let measure = "difference / larger of the two"

  private let subject: AxiomSubject
  private let question: AxiomSubject.Question
  private let pair: (Int, Int)

  package init(_ subject: AxiomSubject) throws {
    let elements = subject.elements
    guard elements.count > 1 else {
      throw AxiomVerdict.Inapplicable("there is a single feature")
    }
    let gradient = try subject.question.function.gradients(
      at: subject.question.point, targets: [subject.question.target]
    ).gradients.doubles
    let products = zip(zip(elements, subject.start), gradient).map { ($0.0 - $0.1) * $1 }
    let order = elements.indices.sorted {
      let (a, b) = (abs(products[$0]), abs(products[$1]))
      return a > b || a == b && $0 < $1
    }
    let pair = (order[0], order[1])
    var permutation = Array(elements.indices)
    permutation.swapAt(pair.0, pair.1)
    let swapped = try subject.graph.permutingInput(
      subject.explained, to: permutation, shape: subject.shape)
    var point = elements
    let mean = (point[pair.0] + point[pair.1]) / 2
    (point[pair.0], point[pair.1]) = mean == 0 ? (point[pair.0], point[pair.0]) : (mean, mean)
    var start = subject.start
    let middle = (start[pair.0] + start[pair.1]) / 2
    (start[pair.0], start[pair.1]) = (middle, middle)
    self.subject = subject
    self.pair = pair
    question = try subject.question(of: subject.graph.adding(swapped)).at(point, from: start)
  }

  package func verdict(on method: Method) throws -> AxiomVerdict {
    let values = try subject.map(by: method, of: question).values.doubles
    let (a, b) = (values[pair.0], values[pair.1])
    let error = a == b ? 0 : abs(a - b) / max(abs(a), abs(b))
    guard error > subject.tolerance.map else { return .holds(error) }
    let text =
      "features \(subject.label(pair.0)) and \(subject.label(pair.1)), equal and exchangeable, get "
      + "\(Axioms.text(a)) and \(Axioms.text(b))"
    if try subject.isRandom(method) {
      let scatter = try subject.sample(by: method, of: question) {
        $0.values.doubles[pair.0] - $0.values.doubles[pair.1]
      }
      let size = try subject.sample(by: method, of: question) { $0.values.doubles[pair.0] }
      if scatter.agreesWithZero(beside: size.mean) {
        return .inExpectation(
          abs(scatter.mean / size.mean),
          text + " in one map; " + scatter.text(of: "the difference"))
      }
    }
    return .fails(error, text)
  }
}
