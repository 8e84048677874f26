// Puts a button beside each clone URL that copies it. Pages are whole without it.
for (const button of document.querySelectorAll("button[data-copy]")) {
  const input = document.getElementById(button.dataset.copy);
  const label = button.firstElementChild;
  button.hidden = false;
  button.addEventListener("click", async () => {
    input.select();
    let copied = true;
    try {
      // Only where the page came over https or from this machine.
      await navigator.clipboard.writeText(input.value);
    } catch {
      copied = document.execCommand("copy");
    }
    label.textContent = copied ? "Copied" : "Selected";
    setTimeout(() => { label.textContent = "Copy"; }, 2000);
  });
}
