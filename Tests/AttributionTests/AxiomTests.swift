import Attribution
import Graphs
import Tensors
import Testing

/// Axioms on networks on which it is proved whether they hold.
@Suite struct AxiomTests {
  private typealias Outcome = AxiomVerdict.Outcome

  private func trial(_ network: String, _ methods: [String]) throws -> [AxiomResult] {
    let network = try #require(ReferenceNetworks.all().first { $0.name == network })
    let subject = try AxiomSubject(
      network.name, network.graph, inputs: [network.point], equivalents: network.equivalents)
    return try subject.trial(of: methods.map { try Method($0) })
  }

  private func outcome(
    _ axiom: any Axiom.Type, _ method: String, in results: [AxiomResult]
  ) throws -> AxiomVerdict {
    try #require(
      results.first { $0.axiom == axiom.name && $0.method.description == method }
    ).verdict
  }

  /// 1 - ReLU(1 - x1) at x1 = 2: the gradient is zero, though the score has changed by 1
  /// (Sundararajan et al., 2017, section 2.1).
  @Test func gradientsMissWhatSaturates() throws {
    let results = try trial("saturated", ["ig:128", "gradient", "input-x-gradient"])
    let change = try outcome(SensitivityToChange.self, "ig:128", in: results)
    #expect(change.outcome == .holds)
    #expect(abs((change.number ?? 0) - 1) < 0.02)
    for method in ["gradient", "input-x-gradient"] {
      let verdict = try outcome(SensitivityToChange.self, method, in: results)
      #expect(verdict.outcome == .fails && verdict.number == 0)
      #expect(verdict.explanation.contains("feature (0) alone changes the score by"))
    }
    #expect(
      try outcome(Completeness.self, "input-x-gradient", in: results).explanation
        == "attributions add up to 0.5, the score is 1.5")
  }

  /// One random point of the path says all or nothing; the mean of many says what is right.
  @Test func oneRandomPointIsRightOnAverage() throws {
    let results = try trial("saturated", ["expected-gradients:1", "random"])
    let item = "expected-gradients:1"
    #expect(try outcome(Completeness.self, item, in: results).outcome == .inExpectation)
    #expect(try outcome(SensitivityToChange.self, item, in: results).outcome != .fails)
    #expect(try outcome(Completeness.self, "random", in: results).outcome == .fails)
    #expect(try outcome(SensitivityToNothing.self, "random", in: results).outcome == .fails)
    #expect(try outcome(Linearity.self, "random", in: results).outcome == .fails)
  }

  /// The networks by which DeepLIFT and LRP are told from Integrated Gradients: equal functions, to which IG
  /// gives (1.5, -0.5) both times, and those two (1.5, -0.5) and (2, -1).
  @Test(arguments: ["f", "g"])
  func equalFunctionsOfDifferentNetworks(name: String) throws {
    let network = try #require(ReferenceNetworks.all().first { $0.name == name })
    let subject = try AxiomSubject(name, network.graph, inputs: [network.point])
    #expect(abs(subject.change - 1) < 1e-14)
    let rules = ["deeplift", "lrp:bias=ignored"]
    let methods = ["ig:128", "gradient", "input-x-gradient"] + rules
    let results = try trial(name, methods)
    for method in ["ig:128", "gradient", "input-x-gradient"] {
      #expect(try outcome(ImplementationInvariance.self, method, in: results).outcome == .holds)
    }
    for rule in rules {
      let item = try Method(rule).description
      #expect(try outcome(ImplementationInvariance.self, item, in: results).outcome == .fails)
    }
  }

  /// What methods give to the two networks at (3, 1).
  @Test func attributionsOfEqualFunctions() throws {
    let expected: [(method: String, f: [Double], g: [Double])] = [
      ("ig", [1.5, -0.5], [1.5, -0.5]), ("deeplift", [1.5, -0.5], [2, -1]),
      ("lrp:bias=ignored", [1.5, -0.5], [2, -1]),
    ]
    for (method, f, g) in expected {
      for (name, values) in [("f", f), ("g", g)] {
        let network = try #require(ReferenceNetworks.all().first { $0.name == name })
        let subject = try AxiomSubject(name, network.graph, inputs: [network.point])
        let question = subject.question
        let problem = Problem(
          question.function, at: question.point, baseline: question.baseline, target: 0)
        let maps = try Method(method).maps(of: problem, from: [question.baseline]).maps
        let map = try #require(maps.first).map.values.elements(as: Double.self)
        #expect(zip(map, values).allSatisfy { abs($0 - $1) < 0.02 }, "\(method), \(name): \(map)")
      }
    }
  }

  /// The X-gradient has every axiom on homogeneous networks, and is refused on others.
  @Test(arguments: ["x-perceptron", "x-convolutions"])
  func theXGradientHasEveryAxiom(name: String) throws {
    let results = try trial(name, ["xg", "ig:128", "input-x-gradient", "gradient"])
    for axiom in AxiomRegistry.axioms {
      for method in ["xg", "ig:128", "input-x-gradient"] {
        let verdict = try outcome(axiom, method, in: results)
        #expect(verdict.outcome == .holds, "\(axiom.name), \(method): \(verdict.explanation)")
      }
    }
    // A gradient does not grow with the input.
    #expect(try outcome(ContrastEquivariance.self, "gradient", in: results).outcome == .fails)
    let exact = try outcome(Completeness.self, "xg", in: results)
    #expect((exact.number ?? 1) < 1e-12)
  }

  @Test func theXGradientIsNotDefinedBesideBiases() throws {
    for result in try trial("perceptron", ["xg"]) {
      #expect(result.verdict.outcome == .notDefined)
      #expect(result.verdict.explanation.contains("xg needs a homogeneous model"))
    }
    let contrast = try outcome(
      ContrastEquivariance.self, "ig:128", in: try trial("perceptron", ["ig:128"]))
    #expect(contrast.outcome == .notApplicable)
  }

  /// Nothing that is promised fails, and every method of the registry is tried without an error.
  @Test func promisesAreKept() throws {
    let methods = MethodRegistry.methods.map { $0.name }.filter { $0 != "conductance" }
    for network in try ReferenceNetworks.all() {
      for result in try trial(network.name, methods) where result.isPromised {
        #expect(
          result.verdict.outcome != .fails,
          "\(network.name), \(result.method), \(result.axiom): \(result.verdict.explanation)")
      }
    }
  }

  /// What needs many steps is not promised for few, nor what only the mean of many draws can show.
  @Test(arguments: [
    ("ig:128", true, true), ("ig:2", false, true), ("ig:tolerance=0.1", false, true),
    ("xg", true, true), ("expected-gradients:1", false, true), ("gradient", false, true),
    ("random", false, false),
  ])
  func promises(item: String, completeness: Bool, linearity: Bool) throws {
    let method = try Method(item)
    #expect(AxiomPromises.includes(Completeness.self, of: method) == completeness)
    #expect(AxiomPromises.includes(Linearity.self, of: method) == linearity)
  }

  @Test func whenTimeIsOverTheRestIsNotTried() throws {
    let network = try #require(ReferenceNetworks.all().first)
    let subject = try AxiomSubject(network.name, network.graph, inputs: [network.point])
    var count = 0
    let isOver = { (share: Double) in
      count += 1
      return count > 2 && share <= 1
    }
    let results = try subject.trial(of: [Method("gradient"), Method("ig:8")], isOver: isOver)
    #expect(results.count == 2 * AxiomRegistry.axioms.count)
    #expect(results.filter { $0.verdict.outcome != .notTried }.count == 2)
  }

  /// A model without any change of its scores says nothing.
  @Test func aPointAtTheBaselineIsRefused() throws {
    let network = try #require(ReferenceNetworks.all().first { $0.name == "x-perceptron" })
    let error = #expect(throws: ModelError.self) {
      try AxiomSubject("zero", network.graph, inputs: [network.point.zeros()])
    }
    #expect(error?.description.contains("give another input") == true)
  }
}
