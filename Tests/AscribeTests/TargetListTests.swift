import Ascribe
import Attribution
import Graphs
import Testing

/// What lists of targets mean, given labels that hold commas and hyphens themselves.
struct TargetListTests {
  private static let labels = [
    "tabby, tabby cat", "tiger cat", "t-shirt", "t", "shirt-t", "crane", "crane",
    "n02123045 house, flat", "0-2", "star",
  ]

  @Test(
    arguments: [
      ("argmax", [Target.argmax]), ("top3,2", [.top(3), .index(2)]), ("7", [.index(7)]),
      ("star", [.index(9)]), ("t-shirt", [.index(2)]), ("0-2", [.index(8)]), ("flat", [.index(7)]),
      ("1-2", [.margin(.index(1), .index(2))]), ("star-tiger cat", [.margin(.index(9), .index(1))]),
      ("star - 3", [.margin(.index(9), .index(3))]), ("0-2-star", [.margin(.index(8), .index(9))]),
      ("t-shirt-star", [.margin(.index(2), .index(9))]),
      ("tabby-flat", [.margin(.index(0), .index(7))]),
      ("tabby, tabby cat,star", [.index(0), .index(9)]),
      ("star,tabby,tabby cat-tiger cat, 4", [.index(9), .margin(.index(0), .index(1)), .index(4)]),
      ("star-tabby, tabby cat", [.margin(.index(9), .index(0))]),
    ] as [(String, [Target])])
  func meaning(text: String, targets: [Target]) throws {
    #expect(try Target.list(text, labels: Self.labels) == targets)
  }

  @Test(arguments: [
    ("t-shirt-t", ["'t' over 'shirt-t'", "'t-shirt' over 't'", "give indices"]),
    ("crane", ["'crane'", "scores 5, 6", "index"]), ("crane-t", ["scores 5, 6"]),
    ("star-tigr cat", ["'tigr cat'", "did you mean 'tiger cat'?"]),
    ("sta-tiger cat", ["'sta'", "did you mean 'star'"]), ("stra", ["did you mean 'star'"]),
    ("zzzzzzzzz", ["'zzzzzzzzz'", "index"]), ("star,9", ["'star' and '9'", "same score"]),
    ("star,star", ["'star' is named twice"]), ("top2,top3", ["'top2' and 'top3'"]),
    ("top0", ["'top0'", "count from 1"]),
    ("1-1", ["score 1", "itself"]), ("star-9", ["score 9", "itself"]),
    ("argmax-3", ["two indices or labels"]), ("1,,2", ["empty item"]),
  ])
  func refusal(text: String, parts: [String]) throws {
    let error = try #require(throws: ModelError.self) {
      try Target.list(text, labels: Self.labels)
    }
    #expect(error.kind == .usage)
    for part in parts { #expect(error.reason.contains(part), "\(error.reason)") }
  }

  /// A name is offered once, however often it occurs.
  @Test func namesAreOfferedOnce() throws {
    let error = try #require(throws: ModelError.self) {
      try Target.list("stra", labels: ["star", "star", "cat"])
    }
    #expect(error.reason.hasSuffix("did you mean 'star'?"))
  }

  @Test func withoutLabels() throws {
    let error = try #require(throws: ModelError.self) { try Target.list("star", labels: []) }
    #expect(error.reason.contains("--labels"))
    #expect(try Target.list("3-4", labels: []) == [.margin(.index(3), .index(4))])
  }
}
