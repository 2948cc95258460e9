import Tensors
import Testing

@Suite struct TensorTests {
  @Test func elementsAreRowMajor() {
    let x = Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])
    #expect(x.elements(as: Float.self) == [1, 2, 3, 4, 5, 6])
    #expect(x.description == "2x3 float32")
    #expect(x.byteCount == 24)
  }

  @Test func rowsAndReshapesShareTheStorage() {
    let x = Tensor([1, 2, 3, 4, 5, 6] as [Int64], shape: [3, 2])
    let rows = x.rows(1..<3)
    #expect(rows.shape == [2, 2])
    #expect(rows.elements(as: Int64.self) == [3, 4, 5, 6])
    #expect(rows.storage === x.storage)
    let reshaped = rows.reshaped(to: [4])
    #expect(reshaped.elements(as: Int64.self) == [3, 4, 5, 6])
    #expect(reshaped.storage === x.storage)
  }

  @Test func unalignedElementsAreCopiedBeforeUse() {
    let storage = Storage(byteCount: 9)
    let value: Float = 1.5
    storage.base.storeBytes(of: 0, as: UInt8.self)
    (storage.base + 1).storeBytes(of: value.bitPattern, as: UInt32.self)
    let x = Tensor(.float32, [1], storage: storage, byteOffset: 1)
    #expect(x.elements(as: Float.self) == [1.5])
  }

  @Test func borrowedMemoryKeepsItsOwner() {
    final class Owner: Sendable {}
    weak var witness: Owner?
    var x: Tensor?
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 4, alignment: 4)
    defer { bytes.deallocate() }
    bytes.storeBytes(of: 7 as Int32, as: Int32.self)
    do {
      let owner = Owner()
      witness = owner
      x = Tensor(
        .int32, [1], storage: Storage(borrowing: UnsafeRawBufferPointer(bytes), owner: owner))
    }
    #expect(witness != nil)
    #expect(x?.elements(as: Int32.self) == [7])
    x = nil
    #expect(witness == nil)
  }

  @Test func blockedChannelsArePadded() {
    let layout = Layout.blockedChannels(8)
    #expect(layout.paddedCount(of: [2, 3, 4, 4]) == 2 * 8 * 16)
    #expect(layout.pads([2, 3, 4, 4]))
    #expect(!layout.pads([2, 16, 4, 4]))
    #expect(!Layout.channelsLast.pads([2, 3, 4, 4]))
  }
}
